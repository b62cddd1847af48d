/** A real etcd of one member for a test: TLS with client certificates, a user with a password, as docs/arbiter.md sets it up. */
import { type Certificates, makeCertificates } from "./certificates.ts";

export const PASSWORD = "correct horse";
const START_MAX_MS = 20_000;

export interface EtcdOptions {
  /** Address of its clients; 127.0.0.1 if not given. */
  readonly host?: string;
  readonly port: number;
  /** In which the member runs; this process's if not given. */
  readonly namespace?: string;
  /** Days for which its certificate is good; 0: it has run out. */
  readonly days?: number;
  readonly more?: readonly string[];
}

export class EtcdServer {
  readonly folder = Deno.makeTempDirSync({ prefix: "segue-etcd-test-" });
  readonly certificates: Certificates = makeCertificates(this.folder);
  readonly client = this.certificates.issue("client", []);
  readonly url: string;
  readonly #options: EtcdOptions;
  #child: Deno.ChildProcess | null = null;

  constructor(options: EtcdOptions) {
    this.#options = options;
    this.url = `https://${options.host ?? "127.0.0.1"}:${options.port}`;
    Deno.writeTextFileSync(this.passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    this.certificates.issue("server", [...new Set([options.host ?? "127.0.0.1", "127.0.0.1"])], options.days ?? 825);
  }

  get passwordFile(): string {
    return `${this.folder}/password`;
  }

  get ca(): string {
    return `${this.folder}/ca.pem`;
  }

  /** The table of a pair's file. */
  table(keys = ""): string {
    return `[arbiter]
etcd = ["${this.url}"]
ca_file = "${this.ca}"
cert_file = "${this.client.cert}"
cert_key_file = "${this.client.key}"
user = "segue"
password_file = "${this.passwordFile}"
${keys}
`;
  }

  /** The member runs and takes orders. With the user and password the first time. */
  async start(auth = true): Promise<this> {
    const { port } = this.#options, peer = `http://127.0.0.1:${port + 1}`;
    const urls = [...new Set([this.url, `https://127.0.0.1:${port}`])].join(",");
    const first = this.#child === null && auth;
    // deno-fmt-ignore
    const args = ["--name", "one", "--data-dir", `${this.folder}/data`, "--log-level", "error", "--logger", "zap",
      "--listen-client-urls", urls, "--advertise-client-urls", this.url,
      "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `one=${peer}`,
      "--cert-file", "server.pem", "--key-file", "server.key", "--trusted-ca-file", "ca.pem", "--client-cert-auth",
      // A test machine's disk answers when it likes; what is under test is not etcd's durability.
      "--unsafe-no-fsync", ...this.#options.more ?? []];
    const log = Deno.openSync(`${this.folder}/log`, { create: true, append: true, write: true });
    this.#child = this.#run("etcd", args);
    void this.#child.stderr.pipeTo(log.writable).catch(() => {});
    if (this.#options.days !== 0) await this.#healthy();
    if (first && this.#options.days !== 0) this.#makeUser();
    return this;
  }

  #run(program: string, args: readonly string[]): Deno.ChildProcess {
    const { namespace } = this.#options;
    const words = namespace === undefined ? [program, ...args] : ["ip", "netns", "exec", namespace, program, ...args];
    return new Deno.Command(words[0]!, {
      args: words.slice(1),
      cwd: this.folder,
      stdout: "null",
      stderr: "piped",
      env: { ETCDCTL_API: "3" },
    }).spawn();
  }

  /** Of etcdctl, as root where there is one. Throws with its words. */
  ctl(words: readonly string[], asRoot = true): string {
    const { namespace, port } = this.#options;
    // deno-fmt-ignore
    const command = [...(namespace === undefined ? [] : ["ip", "netns", "exec", namespace]), "etcdctl",
      "--endpoints", `https://127.0.0.1:${port}`, "--cacert", "ca.pem", "--cert", "client.pem", "--key", "client.key",
      ...(asRoot ? ["--user", `root:${PASSWORD}`] : []), ...words];
    const { success, stdout, stderr } = new Deno.Command(command[0]!, {
      args: command.slice(1),
      cwd: this.folder,
      env: { ETCDCTL_API: "3" },
    }).outputSync();
    if (!success) throw new Error(`etcdctl ${words.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }

  async #healthy(): Promise<void> {
    const endMs = performance.now() + START_MAX_MS;
    for (;;) {
      try {
        this.ctl(["get", "nothing"], false);
        return;
      } catch (error) {
        // With its user it answers, and refuses.
        if (/user name is empty|permission denied/.test(String(error))) return;
        if (performance.now() > endMs) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #makeUser(): void {
    this.ctl(["user", "add", `root:${PASSWORD}`], false);
    this.ctl(["user", "add", `segue:${PASSWORD}`], false);
    this.ctl(["role", "add", "segue"], false);
    this.ctl(["role", "grant-permission", "segue", "readwrite", "/segue/", "--prefix=true"], false);
    this.ctl(["user", "grant-role", "segue", "segue"], false);
    this.ctl(["user", "grant-role", "root", "root"], false);
    this.ctl(["auth", "enable"], false);
  }

  /** SIGSTOP and SIGCONT: it is there, and does nothing. */
  freeze(on: boolean): void {
    this.#child!.kill(on ? "SIGSTOP" : "SIGCONT");
  }

  /** The process has ended; `start` goes on with the same data. */
  async stop(): Promise<void> {
    if (this.#child === null) return;
    try {
      this.#child.kill("SIGCONT");
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    Deno.removeSync(this.folder, { recursive: true });
  }
}
