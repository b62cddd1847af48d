/** A pair without an arbiter; a test puts its own `[arbiter]` behind it. */
export const PAIR = `[pair]
name = "edge"
[[node]]
name = "a"
paths = ["10.78.0.1:4790"]
[[node]]
name = "b"
paths = ["10.78.0.2:4790"]
[[group]]
name = "web"
prefer = "a"
addresses = [{ address = "10.77.0.100/32", interface = "veth0" }]
`;
