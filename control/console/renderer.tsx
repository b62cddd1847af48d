/** Pictures made by ink: what goes in is what is on the screen, what comes out are lines with colours. */
import { Readable, Writable } from "node:stream";
import { render } from "ink";
import type { Screen } from "./screen.ts";
import { ScreenView } from "./view.tsx";

/** ink must not limit a picture by a window: the rows have been counted already. */
const ROWS_MAX = 10_000;

export interface Renderer {
  /** Makes the picture and hands it over before it returns. */
  draw(screen: Screen): void;
  close(): void;
}

/**
 * In its debugging mode ink hands each picture over as a whole, without a cursor movement of its own; the painter sends what has
 * changed, and never waits for the terminal.
 *
 * @param take gets the lines of each picture
 */
export function openRenderer(take: (lines: readonly string[]) => void): Renderer {
  let open = true, drawn = false;
  const stdout = new Writable({
    decodeStrings: false,
    write(picture: string | Uint8Array, _encoding, done) {
      const text = typeof picture === "string" ? picture : new TextDecoder().decode(picture);
      drawn = true;
      if (open && text !== "") take(text.split("\n"));
      done();
    },
  });
  let instance: ReturnType<typeof render> | null = null;
  return {
    draw(screen) {
      Object.assign(stdout, { columns: screen.columns, rows: ROWS_MAX });
      const node = <ScreenView screen={screen} />;
      if (instance !== null) return instance.rerender(node);
      instance = render(node, {
        stdout: stdout as unknown as NodeJS.WriteStream,
        stdin: new Readable({ read() {} }) as unknown as NodeJS.ReadStream,
        debug: true,
        interactive: true,
        exitOnCtrlC: false,
        patchConsole: false,
        isScreenReaderEnabled: false,
      });
      // ink keeps an error of its renderer to itself.
      if (!drawn) throw new Error("draw the screen: ink made no picture");
    },
    close() {
      open = false;
      instance?.unmount();
    },
  };
}
