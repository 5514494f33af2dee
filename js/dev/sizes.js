/** The widths, in px, and the themes in which the dev page and the screenshots show each state. */

export const WIDTHS = [320, 640, 1100];
export const THEMES = ["light", "dark"];
