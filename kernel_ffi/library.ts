/** Where the native libraries are that segue opens by FFI. */

/** What says where the libraries are; a parameter for the tests. */
export interface LibraryPlaces {
  /** A folder (SEGUE_LIB_DIR). */
  readonly folder: string | undefined;
  /** Single files, `NAME=PATH` with colons between them (SEGUE_LIBS): an executable that runs from memory has no folder. */
  readonly files: string | undefined;
}

/**
 * Path of a library: its own file if one is named, else the file in the folder, else its bare name, for the system's own
 * search.
 */
export function libraryPath(name: string, directory?: string): string {
  return findLibrary(name, { folder: directory ?? Deno.env.get("SEGUE_LIB_DIR"), files: Deno.env.get("SEGUE_LIBS") });
}

/** Pure. */
export function findLibrary(name: string, places: LibraryPlaces): string {
  for (const entry of (places.files ?? "").split(":")) {
    const at = entry.indexOf("=");
    if (at > 0 && entry.slice(0, at) === name) return entry.slice(at + 1);
  }
  return places.folder === undefined || places.folder === "" ? name : `${places.folder}/${name}`;
}
