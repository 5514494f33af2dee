/** The text of a bundled worklet; build.mjs inserts it. */
declare module "worklet:capture" {
  const source: string;
  export default source;
}
declare module "worklet:playback" {
  const source: string;
  export default source;
}
