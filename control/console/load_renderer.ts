/** Loads ink, which reads the environment when it is loaded. */

type RendererModule = typeof import("./renderer.tsx");

/** @param colours whether escape sequences for colours may be used */
export async function loadRenderer(colours: boolean): Promise<RendererModule> {
  // No development tools; both halves of React in the same mode; colours as this terminal has them.
  Deno.env.delete("DEV");
  Deno.env.set("NODE_ENV", "production");
  Deno.env.set("FORCE_COLOR", colours ? "1" : "0");
  return await import("./renderer.tsx");
}
