/*
 * The first part of dist/segue where `deno compile` cannot be used: a static program that carries the runtime, the
 * bundle and the native libraries, unpacks them once and becomes the runtime by execve. Same process, so signals, exit
 * code, arguments and descriptors pass through by themselves.
 *
 * Where it unpacks: $SEGUE_CACHE, /var/cache/segue, $XDG_CACHE_HOME/segue or ~/.cache/segue, /tmp/segue-UID; else (all
 * read-only, full, noexec or not to be trusted) into memory, at each start.
 *
 * What it tells the program, in the environment:
 *   SEGUE_BUILD=launcher     SEGUE_EXE=the executable's path
 *   SEGUE_LIB_DIR=folder with the native libraries, or, run from memory,
 *   SEGUE_LIBS=NAME=PATH:NAME=PATH (paths below /proc/self/fd)
 *   SEGUE_GUARD=path of the guard helper
 *   SEGUE_CONSOLE=path of the console's bundle, run from memory
 * What it takes away: DENO_* and NODE_OPTIONS, which would reach the runtime inside.
 */
#define _GNU_SOURCE
#include "launcher/folder.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* linux/memfd.h, since 6.3: asked for explicitly, or vm.memfd_noexec may say no */
#endif

#define RUNTIME "segue" /* the runtime's file name, which is what `ps` and `top` show */
#define BUNDLE "app.js"
#define GUARD "guard"
#define CONSOLE "console.js" /* lies beside the bundle and is found there, but for the case that there is no folder */

extern char **environ;

/*
 * The command line of the runtime. Kept short in what it allows to vary: no config, no lock file, nothing fetched. Three flags of V8 keep
 * a daemon's resident memory down: a small young generation (25 MB; what a heartbeat leaves behind is garbage at once), no compiler between the
 * first and the best (7 MB), and no copy of the built-in code for each thread (6 MB).
 */
static const char *const RUNTIME_FLAGS[] = {"run",         "--allow-all", "--no-prompt", "--no-config", "--no-lock",
                                            "--no-remote", "--no-npm",    "--quiet",     "--ext=js",
                                            "--unstable-net",
                                            "--v8-flags=--max-semi-space-size=1,--no-maglev,--no-short-builtin-calls"};
#define FLAGS (sizeof RUNTIME_FLAGS / sizeof *RUNTIME_FLAGS)

static char *joined(const char *a, const char *b, const char *c) {
  char *out;
  if (asprintf(&out, "%s%s%s", a, b, c) < 0) fail("out of memory", 0);
  return out;
}

static void drop_foreign_environment(void) {
  for (char **e = environ; *e;) {
    char *equals = strchr(*e, '=');
    int foreign = !strncmp(*e, "DENO_", 5) || !strncmp(*e, "NODE_OPTIONS=", 13) || !strncmp(*e, "SEGUE_LIB", 9) ||
                  !strncmp(*e, "SEGUE_GUARD=", 12) || !strncmp(*e, "SEGUE_CONSOLE=", 14);
    if (!foreign || !equals) {
      e++;
      continue;
    }
    char *name = strndup(*e, (size_t)(equals - *e));
    unsetenv(name); /* closes the gap: look at the same place again */
    free(name);
  }
}

static void set(const char *name, const char *value) {
  if (setenv(name, value, 1) < 0) fail("out of memory", 0);
}

/* Becomes the runtime. Returns only if it may not be executed from there. */
static void become(const char *runtime, const char *bundle, int argc, char **argv) {
  char **args = calloc(FLAGS + (size_t)argc + 3, sizeof *args);
  size_t n = 0;
  if (!args) fail("out of memory", 0);
  args[n++] = RUNTIME;
  for (size_t i = 0; i < FLAGS; i++) args[n++] = (char *)RUNTIME_FLAGS[i];
  args[n++] = (char *)bundle;
  for (int i = 1; i < argc; i++) args[n++] = argv[i];
  execve(runtime, args, environ);
  free(args);
}

static void start_from_folder(const char *folder, int argc, char **argv) {
  set("SEGUE_LIB_DIR", folder);
  set("SEGUE_GUARD", joined(folder, "/", GUARD));
  set("DENO_DIR", joined(folder, "/", RUNTIME_CACHE));
  become(joined(folder, "/", RUNTIME), joined(folder, "/", BUNDLE), argc, argv);
  unsetenv("SEGUE_LIB_DIR");
}

static int memory_file(const char *name) {
  int fd = memfd_create(name, MFD_ALLOW_SEALING | MFD_EXEC);
  return fd < 0 && errno == EINVAL ? memfd_create(name, MFD_ALLOW_SEALING) : fd;
}

/* The descriptors are not close-on-exec: the runtime, and the guard that it starts, reach them below /proc/self/fd. */
static void start_from_memory(const struct payload *p, int argc, char **argv) {
  int fds[FILES_MAX];
  char path[FILES_MAX][32];
  char *libraries = "";
  for (int i = 0; i < p->count; i++) {
    fds[i] = memory_file(p->files[i].name);
    if (fds[i] < 0) fail("cannot make a file in memory, and no folder to unpack into can be used", strerror(errno));
    fchmod(fds[i], p->files[i].mode);
    snprintf(path[i], sizeof path[i], "/proc/self/fd/%d", fds[i]);
    if (strstr(p->files[i].name, ".so"))
      libraries = joined(libraries, *libraries ? ":" : "", joined(p->files[i].name, "=", path[i]));
  }
  if (unpack_into(p, fds) < 0) fail("cannot unpack into memory", strerror(errno));
  const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  for (int i = 0; i < p->count; i++) fcntl(fds[i], F_ADD_SEALS, seals);
  set("SEGUE_LIBS", libraries);
  if (find_file(p, GUARD)) set("SEGUE_GUARD", path[find_file(p, GUARD) - p->files]);
  if (find_file(p, CONSOLE)) set("SEGUE_CONSOLE", path[find_file(p, CONSOLE) - p->files]);
  set("DENO_DIR", "/proc/self/none"); /* nothing can be made there: the runtime keeps its caches in memory */
  become(path[find_file(p, RUNTIME) - p->files], path[find_file(p, BUNDLE) - p->files], argc, argv);
  fail("cannot start the runtime from memory", strerror(errno));
}

struct candidate {
  const char *path;
  mode_t mode;
};

/* Fills in the candidates; the first of them is $SEGUE_CACHE if `asked` comes back as 1. */
static int list_candidates(struct candidate out[4], int *asked) {
  const char *own = secure_getenv("SEGUE_CACHE"), *xdg = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
  int n = 0;
  *asked = own && *own == '/';
  if (*asked) out[n++] = (struct candidate){own, 0755};
  out[n++] = (struct candidate){"/var/cache/segue", 0755};
  if (xdg && *xdg == '/') {
    out[n++] = (struct candidate){joined(xdg, "/segue", ""), 0755};
  } else if (home && *home == '/') {
    mkdir(joined(home, "/.cache", ""), 0700);
    out[n++] = (struct candidate){joined(home, "/.cache/segue", ""), 0755};
  }
  char uid[16];
  snprintf(uid, sizeof uid, "%u", geteuid());
  out[n++] = (struct candidate){joined("/tmp/segue-", uid, ""), 0700};
  return n;
}

/* A folder that is there is better than one that has yet to be made, whichever comes first. */
static int find_folder(const struct payload *p, const struct candidate *candidates, int n, char folder[PATH_MAX]) {
  static int verified;
  int dir = -1;
  for (int i = 0; i < n && dir < 0; i++) dir = use_folder(p, candidates[i].path, folder);
  for (int i = 0; i < n && dir < 0; i++) {
    if (!verified++) verify_payload(p);
    make_folder(p, candidates[i].path, candidates[i].mode);
    dir = use_folder(p, candidates[i].path, folder);
  }
  return dir;
}

int main(int argc, char **argv) {
  static struct payload payload;
  open_payload(&payload);
  if (!find_file(&payload, RUNTIME) || !find_file(&payload, BUNDLE)) fail_damaged("manifest");

  char exe[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
  if (length < 0) fail("cannot read /proc/self/exe", strerror(errno));
  exe[length] = 0;
  drop_foreign_environment();
  set("SEGUE_BUILD", "launcher");
  set("SEGUE_EXE", exe);
  set("DENO_NO_UPDATE_CHECK", "1");
  set("DENO_NO_PACKAGE_JSON", "1");

  struct candidate candidates[4];
  char folder[PATH_MAX];
  int asked, n = list_candidates(candidates, &asked);
  int dir = find_folder(&payload, candidates, asked, folder);
  if (dir < 0) dir = find_folder(&payload, candidates + asked, n - asked, folder);
  if (dir >= 0) {
    start_from_folder(folder, argc, argv);
    close(dir); /* not to be executed from there after all (a security policy): from memory then */
    verify_payload(&payload);
  }
  start_from_memory(&payload, argc, argv);
}
