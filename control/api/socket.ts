/** Name of the API's socket in the run directory. */
export const SOCKET_NAME = "segue.sock";

/**
 * What stands before the path in requests that go to the socket. An address, not a name: `fetch` looks a name up although nothing
 * is ever sent there, and where the name server does not answer that takes seconds.
 */
export const API_ORIGIN = "http://127.0.0.1";
