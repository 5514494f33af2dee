/**
 * Serves the repository's files on localhost, for the dev page: `npm run dev`.
 *
 * Localhost is a secure context, which the card needs for microphone and AudioWorklet.
 */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

/** Resolves to the address of the dev page and the server. */
export function serve(port = 0) {
  const server = createServer(({ url }, response) => {
    const path = join(ROOT, normalize(decodeURIComponent(new URL(url, "http://localhost").pathname)));
    const type = TYPES[extname(path)];
    if (!type || !statSync(path, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" });
    createReadStream(path).pipe(response);
  });
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () =>
      resolve({ server, url: `http://localhost:${server.address().port}/js/dev/` }),
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await serve(Number(process.env.PORT ?? 8917));
  console.log(`${url}index.html`);
}
