/** Where the native libraries are that segue opens by FFI. */

/**
 * The library's file in the folder that SEGUE_LIB_DIR names (the one that the executable carries them in), else its bare
 * name, for the system's own search.
 */
export function libraryPath(name: string, directory: string | undefined = Deno.env.get("SEGUE_LIB_DIR")): string {
  return directory === undefined || directory === "" ? name : `${directory}/${name}`;
}
