/** Certificates by a CA of the test's own, made with the commands of docs/arbiter.md. */

export interface Certificates {
  readonly folder: string;
  /** A further one, signed by the same CA: of a client where there are no hosts. Returns the paths of certificate and key. */
  issue(name: string, hosts: readonly string[], days?: number): { readonly cert: string; readonly key: string };
}

export function makeCertificates(folder: string): Certificates {
  const openssl = (...args: string[]) => {
    const { success, stderr } = new Deno.Command("openssl", { args, cwd: folder, stdout: "null", stderr: "piped" })
      .outputSync();
    if (!success) throw new Error(`openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  };
  const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  // deno-fmt-ignore
  openssl("req", "-x509", ...fresh, "-days", "3650", "-subj", "/CN=etcd CA", "-keyout", "ca.key", "-out", "ca.pem");
  return {
    folder,
    issue(name, hosts, days = 825) {
      const subject = hosts.length === 0 ? "/O=segue" : `/CN=${name}`;
      const names = hosts.length === 0
        ? ["-addext", "extendedKeyUsage=clientAuth"]
        : ["-addext", `subjectAltName=${hosts.map((ip) => `IP:${ip}`).join(",")}`];
      openssl("req", ...fresh, "-subj", subject, ...names, "-keyout", `${name}.key`, "-out", `${name}.csr`);
      // deno-fmt-ignore
      openssl("x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-copy_extensions", "copy", "-days", `${days}`, "-out", `${name}.pem`);
      return { cert: `${folder}/${name}.pem`, key: `${folder}/${name}.key` };
    },
  };
}
