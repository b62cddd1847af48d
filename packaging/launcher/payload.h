/*
 * What travels behind the launcher in dist/segue (packaging/archive.ts writes it):
 *
 *   launcher ELF | manifest | payload | trailer
 *
 * manifest: one line per file, "MODE SIZE NAME\n" (octal, decimal). payload: the files one after another, each a
 * zstd frame. trailer, little-endian: "SEGUEPK1", u64 manifest offset, manifest length, payload length, raw length, then
 * SHA-256 of manifest and payload (which lie side by side).
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include "sha256.h"

#define MAGIC "SEGUEPK1"
#define FILES_MAX 32
#define NAME_MAX_BYTES 64

struct trailer {
  char magic[8];
  uint64_t manifest_offset, manifest_length, payload_length, raw_length;
  uint8_t sha256[32];
};

struct packed_file {
  mode_t mode;
  uint64_t size;
  char name[NAME_MAX_BYTES];
};

struct payload {
  const uint8_t *manifest; /* the payload follows it */
  struct trailer trailer;
  struct packed_file files[FILES_MAX];
  int count;
  char id[33]; /* half of the hash, as hex: names the folder */
};

static void fail(const char *what, const char *detail) {
  fprintf(stderr, "segue: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
  exit(1);
}

static void fail_damaged(const char *detail) { fail("this file is damaged, install it again", detail); }

/* Reads "MODE SIZE NAME" lines. The manifest is covered by the hash, which is only checked when files are unpacked, so
   nothing here trusts it: names must be plain, without a slash. */
static void read_manifest(struct payload *p) {
  const char *at = (const char *)p->manifest, *end = at + p->trailer.manifest_length;
  uint64_t total = 0;
  while (at < end) {
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    char line[128];
    unsigned mode;
    unsigned long long size;
    if (!line_end || (size_t)(line_end - at) >= sizeof line || p->count == FILES_MAX) fail_damaged("manifest");
    memcpy(line, at, (size_t)(line_end - at));
    line[line_end - at] = 0;
    struct packed_file *file = &p->files[p->count++];
    if (sscanf(line, "%o %llu %63s", &mode, &size, file->name) != 3 || strchr(file->name, '/') || file->name[0] == '.')
      fail_damaged("manifest");
    file->mode = mode & 0755;
    file->size = size;
    total += size;
    at = line_end + 1;
  }
  if (total != p->trailer.raw_length) fail_damaged("sizes");
}

/* Maps the executable and finds the parts. */
static void open_payload(struct payload *p) {
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0) fail("cannot read /proc/self/exe (is /proc mounted?)", strerror(errno));
  if (fstat(fd, &st) < 0) fail("cannot read own file", strerror(errno));
  uint64_t size = (uint64_t)st.st_size;
  const uint8_t *base = mmap(0, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (base == MAP_FAILED) fail("cannot map own file", strerror(errno));
  close(fd);
  if (size < sizeof p->trailer) fail_damaged("too short");
  memcpy(&p->trailer, base + size - sizeof p->trailer, sizeof p->trailer);
  const struct trailer *t = &p->trailer;
  uint64_t room = size - sizeof *t;
  if (memcmp(t->magic, MAGIC, sizeof t->magic)) fail_damaged("no trailer");
  if (t->manifest_offset > room || t->manifest_length > room - t->manifest_offset ||
      t->payload_length != room - t->manifest_offset - t->manifest_length)
    fail_damaged("offsets");
  p->manifest = base + t->manifest_offset;
  for (int i = 0; i < 16; i++) sprintf(p->id + 2 * i, "%02x", t->sha256[i]);
  read_manifest(p);
}

static const struct packed_file *find_file(const struct payload *p, const char *name) {
  for (int i = 0; i < p->count; i++)
    if (!strcmp(p->files[i].name, name)) return &p->files[i];
  return 0;
}

/* Ends the program if the payload is not what was packed. */
static void verify_payload(const struct payload *p) {
  struct sha256 s;
  uint8_t digest[32];
  sha256_begin(&s);
  sha256_add(&s, p->manifest, p->trailer.manifest_length + p->trailer.payload_length);
  sha256_end(&s, digest);
  if (memcmp(digest, p->trailer.sha256, sizeof digest)) fail_damaged("SHA-256 differs");
}

static int write_all(int fd, const uint8_t *data, size_t n) {
  while (n) {
    ssize_t done = write(fd, data, n);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return -1;
    data += done, n -= (size_t)done;
  }
  return 0;
}

/* Writes file i of the manifest to fds[i]. Returns 0, or -1 with errno (a full disk). */
static int unpack_into(const struct payload *p, const int *fds) {
  static uint8_t buffer[1 << 18];
  ZSTD_DStream *stream = ZSTD_createDStream();
  ZSTD_inBuffer in = {p->manifest + p->trailer.manifest_length, p->trailer.payload_length, 0};
  int file = 0, result = 0;
  uint64_t left = p->count ? p->files[0].size : 0;
  if (!stream) return errno = ENOMEM, -1;
  for (;;) {
    ZSTD_outBuffer out = {buffer, sizeof buffer, 0};
    size_t status = ZSTD_decompressStream(stream, &out, &in);
    if (ZSTD_isError(status)) fail_damaged(ZSTD_getErrorName(status));
    for (size_t at = 0; at < out.pos;) {
      while (!left && file + 1 < p->count) left = p->files[++file].size;
      size_t take = out.pos - at < left ? out.pos - at : left;
      if (!take) fail_damaged("longer than its manifest");
      if (write_all(fds[file], buffer + at, take) < 0) {
        result = -1;
        goto end;
      }
      at += take, left -= take;
    }
    if (!status && in.pos == in.size) break;
    if (in.pos == in.size && !out.pos) fail_damaged("shorter than its manifest");
  }
end:;
  int saved = errno;
  ZSTD_freeDStream(stream);
  errno = saved;
  return result;
}
