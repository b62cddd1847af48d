/** Block characters that pictures of times are made of. Pure. */

/** From empty to full, in eighths. */
export const BLOCKS = " ▁▂▃▄▅▆▇█";
/** Stands where something got no answer. */
export const LOST = "×";
