/** A service that takes datagrams and never reads them: `unread.ts ADDRESS PORT`. */
import { encodeSockaddr, parseIp } from "../../kernel_ffi/address.ts";
import { libc, must } from "../../kernel_ffi/libc.ts";
import { SOCK_CLOEXEC, SOCK_DGRAM } from "../../kernel_ffi/socket_constants.ts";

const AF_INET = 2;
const address = encodeSockaddr(parseIp(Deno.args[0]!)!, Number(Deno.args[1]));
const fd = must(libc().socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open UDP socket");
must(libc().bind(fd, address, address.length), "bind UDP socket");
console.log("ready");
setInterval(() => {}, 1000);
