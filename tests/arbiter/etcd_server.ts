/** A real etcd for a test, of one member or several: TLS with client certificates, a user with a password, as docs/arbiter.md sets it up. */
import { type Certificates, makeCertificates } from "./certificates.ts";

export const PASSWORD = "correct horse";
const START_MAX_MS = 20_000;

export interface EtcdOptions {
  /** Address of its clients, of each member if there are several; 127.0.0.1 if not given. */
  readonly host?: string | readonly string[];
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
  readonly urls: readonly string[];
  readonly #options: EtcdOptions;
  readonly #hosts: readonly string[];
  readonly #members: (Deno.ChildProcess | null)[];
  #started = false;

  constructor(options: EtcdOptions) {
    this.#options = options;
    this.#hosts = [options.host ?? "127.0.0.1"].flat();
    this.#members = this.#hosts.map(() => null);
    this.urls = this.#hosts.map((host) => `https://${host}:${options.port}`);
    Deno.writeTextFileSync(this.passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    this.certificates.issue("server", [...new Set([...this.#hosts, "127.0.0.1"])], options.days ?? 825);
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
etcd = ${JSON.stringify(this.urls)}
ca_file = "${this.ca}"
cert_file = "${this.client.cert}"
cert_key_file = "${this.client.key}"
user = "segue"
password_file = "${this.passwordFile}"
${keys}
`;
  }

  /** All members run and take orders. With the user and password the first time. */
  async start(): Promise<this> {
    const peers = this.#hosts.map((host, i) => `m${i}=http://${host}:${this.#options.port + 1}`).join(",");
    for (let i = 0; i < this.#hosts.length; i++) if (this.#members[i] === null) this.#startMember(i, peers);
    const first = !this.#started;
    this.#started = true;
    // One whose certificate has run out takes no orders.
    if (this.#options.days === 0) return this;
    await this.#healthy();
    if (first) this.#makeUser();
    return this;
  }

  #startMember(i: number, peers: string): void {
    const url = this.urls[i]!, peer = `http://${this.#hosts[i]}:${this.#options.port + 1}`;
    // deno-fmt-ignore
    const args = ["--name", `m${i}`, "--data-dir", `${this.folder}/data-${i}`, "--log-level", "error", "--logger", "zap",
      "--listen-client-urls", url, "--advertise-client-urls", url,
      "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", peers,
      "--cert-file", "server.pem", "--key-file", "server.key", "--trusted-ca-file", "ca.pem", "--client-cert-auth",
      // A test machine's disk answers when it likes; what is under test is not etcd's durability.
      "--unsafe-no-fsync", ...this.#options.more ?? []];
    const log = Deno.openSync(`${this.folder}/log-${i}`, { create: true, append: true, write: true });
    const member = this.#members[i] = this.#run("etcd", args);
    void member.stderr.pipeTo(log.writable).catch(() => {});
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
    const { namespace } = this.#options;
    // deno-fmt-ignore
    const command = [...(namespace === undefined ? [] : ["ip", "netns", "exec", namespace]), "etcdctl",
      "--endpoints", this.urls.filter((_, i) => this.#members[i] !== null).join(","), "--cacert", "ca.pem", "--cert", "client.pem", "--key", "client.key",
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
    for (const member of this.#members) member?.kill(on ? "SIGSTOP" : "SIGCONT");
  }

  /** The processes have ended, or the one; `start` goes on with the same data. */
  async stop(only?: number): Promise<void> {
    for (const [i, member] of this.#members.entries()) {
      if (member === null || (only !== undefined && only !== i)) continue;
      this.#members[i] = null;
      try {
        member.kill("SIGCONT");
        member.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await member.status;
    }
  }

  /** The member that the others follow; -1 if there is none just now. */
  leader(): number {
    const found = JSON.parse(this.ctl(["endpoint", "status", "-w", "json"])) as {
      Endpoint: string;
      Status: { leader: number; header: { member_id: number } };
    }[];
    const leader = found.find(({ Status: { leader, header } }) => leader === header.member_id);
    return leader === undefined ? -1 : this.urls.indexOf(leader.Endpoint);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    Deno.removeSync(this.folder, { recursive: true });
  }
}
