/** A value of the state as JSON can carry it. Pure. */

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** As text where it is text, else as base64; nothing for a deleted key. */
export function valueFields(value: Uint8Array | null): { value?: string; value_base64?: string } {
  if (value === null) return {};
  try {
    return { value: utf8.decode(value) };
  } catch {
    return { value_base64: value.toBase64() };
  }
}
