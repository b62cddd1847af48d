import assert from "node:assert/strict";
import fc from "fast-check";
import { createMailbox, MailboxReader, MailboxWriter } from "../../control/switch/mailbox.ts";
import { closeFd } from "../../kernel_ffi/libc.ts";

function withMailbox(run: (writer: MailboxWriter, reader: MailboxReader, memory: SharedArrayBuffer) => void): void {
  const share = createMailbox();
  try {
    run(new MailboxWriter(share), new MailboxReader(share), share.memory);
  } finally {
    closeFd(share.fd);
  }
}

Deno.test("messages come once, whole and in order, however many at a time", () => {
  withMailbox((writer, reader) => {
    assert.deepEqual(reader.take(), []);
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 20 }), (messages) => {
        for (const message of messages) assert.ok(writer.post(message));
        assert.deepEqual(reader.take(), JSON.parse(JSON.stringify(messages)));
        assert.deepEqual(reader.take(), []);
      }),
    );
  });
});

Deno.test("messages that pass the end of the ring, again and again, stay whole", () => {
  withMailbox((writer, reader) => {
    for (let i = 0; i < 30; i++) {
      const message = { i, text: "ä".repeat(100_000 + i) };
      assert.ok(writer.post(message));
      assert.deepEqual(reader.take(), [message]);
    }
  });
});

Deno.test("the counters may pass 32 bits", () => {
  withMailbox((writer, reader, memory) => {
    new Int32Array(memory, 0, 2).fill(-10);
    for (const message of ["before and after", "after"]) writer.post(message);
    assert.deepEqual(reader.take(), ["before and after", "after"]);
  });
});

Deno.test("a full ring refuses, keeps what it has, and takes more once it is read", () => {
  withMailbox((writer, reader) => {
    const message = "x".repeat(1000);
    let posted = 0;
    while (writer.post(message)) posted++;
    assert.ok(posted > 1000 && posted < 1050, `${posted}`);
    assert.equal(reader.take().length, posted);
    assert.ok(writer.post(message));
    assert.deepEqual(reader.take(), [message]);
    assert.equal(writer.post("x".repeat(1 << 20)), false);
    assert.deepEqual(reader.take(), []);
  });
});

Deno.test("an umlaut or an emoji is counted in bytes, not in characters", () => {
  withMailbox((writer, reader) => {
    writer.post("é🎼");
    writer.post(1);
    assert.deepEqual(reader.take(), ["é🎼", 1]);
  });
});
