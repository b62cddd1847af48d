/** Name of the API's socket in the run directory. */
export const SOCKET_NAME = "segue.sock";
