/*
 * The folder with the unpacked files: CACHE/ID. It is made under a lock in CACHE/.new and renamed when whole and on the
 * disk, so it is either complete or absent, whoever is killed when. Only folders that nobody but root or this user can
 * write are used; others may have been planted.
 */
#pragma once
#include <dirent.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <time.h>
#include "payload.h"

#define RUNTIME_CACHE "deno-dir" /* compiled code, kept by the runtime between starts */

static int is_trusted(const struct stat *st) {
  return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & 022);
}

/* Could anybody else put another folder at this path? True if each part belongs to root or to us and can be written by
   nobody else, or is sticky (as /tmp is). Leaves the real path in `real`. */
static int is_trusted_path(const char *path, char real[PATH_MAX]) {
  struct stat st;
  if (lstat(path, &st) < 0 || (st.st_uid != 0 && st.st_uid != geteuid())) return 0;
  if (!realpath(path, real) || stat(real, &st) < 0 || !S_ISDIR(st.st_mode) || !is_trusted(&st)) return 0;
  char part[PATH_MAX];
  strcpy(part, real);
  for (char *slash; (slash = strrchr(part, '/')) && part[1];) {
    slash[slash == part] = 0;
    if (stat(part, &st) < 0 || (st.st_uid != 0 && st.st_uid != geteuid())) return 0;
    if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)) return 0;
  }
  return 1;
}

/* Is this the whole folder, with every file in its full length? */
static int is_complete(const struct payload *p, int dir) {
  struct stat st;
  if (fstat(dir, &st) < 0 || !is_trusted(&st)) return 0;
  for (int i = 0; i < p->count; i++)
    if (fstatat(dir, p->files[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || !is_trusted(&st) ||
        (uint64_t)st.st_size != p->files[i].size)
      return 0;
  return 1;
}

static int may_execute(const char *path) {
  struct statvfs vfs;
  return statvfs(path, &vfs) == 0 && !(vfs.f_flag & ST_NOEXEC);
}

/* Opens CACHE/ID if it can be used. The descriptor stays open, with a shared lock, for as long as the program runs:
   a newer segue removes folders that nobody has locked. */
static int use_folder(const struct payload *p, const char *cache, char path[PATH_MAX]) {
  char real[PATH_MAX];
  if (!is_trusted_path(cache, real) || !may_execute(real)) return -1;
  if (snprintf(path, PATH_MAX, "%s/%s", real, p->id) >= PATH_MAX) return -1;
  int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (dir < 0) return -1;
  struct stat open_st, path_st;
  int being_removed = flock(dir, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
  if (!being_removed && is_complete(p, dir) && fstat(dir, &open_st) == 0 && stat(path, &path_st) == 0 &&
      open_st.st_ino == path_st.st_ino)
    return dir;
  close(dir);
  return -1;
}

static void remove_tree(int parent, const char *name) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd < 0 ? 0 : fdopendir(fd);
  for (struct dirent *e; dir && (e = readdir(dir));)
    if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && unlinkat(fd, e->d_name, 0) < 0 && errno == EISDIR)
      remove_tree(fd, e->d_name);
  if (dir) closedir(dir);
  unlinkat(parent, name, AT_REMOVEDIR);
}

/* Removes what older versions and killed starts left. Called under the cache's lock. */
static void sweep(int cache, const char *keep) {
  int fd = openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? 0 : fdopendir(fd);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    size_t length = strlen(e->d_name);
    if (length != 32 || strspn(e->d_name, "0123456789abcdef") != length || !strcmp(e->d_name, keep)) continue;
    int old = openat(cache, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (old >= 0 && flock(old, LOCK_EX | LOCK_NB) == 0) remove_tree(cache, e->d_name);
    if (old >= 0) close(old);
  }
  if (dir) closedir(dir);
}

static int fill_folder(const struct payload *p, int dir) {
  int fds[FILES_MAX] = {0}, opened = 0, result = -1;
  for (; opened < p->count; opened++) {
    const struct packed_file *f = &p->files[opened];
    fds[opened] = openat(dir, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fds[opened] < 0) goto end;
  }
  if (unpack_into(p, fds) < 0) goto end;
  for (int i = 0; i < p->count; i++)
    if (fchmod(fds[i], p->files[i].mode) < 0 || fsync(fds[i]) < 0) goto end;
  if (mkdirat(dir, RUNTIME_CACHE, 0755) < 0 || fsync(dir) < 0) goto end;
  result = 0;
end:;
  int saved = errno;
  while (opened) close(fds[--opened]);
  errno = saved;
  return result;
}

/* Waits for another start that is unpacking, but not for ever: it may be stopped. */
static int lock_cache(int lock) {
  for (int i = 0; i < 1000; i++) {
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) return 0;
    if (errno != EWOULDBLOCK && errno != EINTR) return -1;
    nanosleep(&(struct timespec){0, 5000000}, 0);
  }
  return -1;
}

/* Makes CACHE/ID if it can be made. Errors are silent: the next candidate is tried, and memory at last. */
static void make_folder(const struct payload *p, const char *cache, mode_t mode) {
  char real[PATH_MAX];
  mkdir(cache, mode);
  if (!is_trusted_path(cache, real) || !may_execute(real)) return;
  int at = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int lock = at < 0 ? -1 : openat(at, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock >= 0 && lock_cache(lock) == 0) {
    char path[PATH_MAX];
    int dir = use_folder(p, real, path); /* made by the start that we waited for */
    if (dir >= 0) {
      close(dir);
    } else {
      sweep(at, p->id);
      remove_tree(at, ".new");
      if (mkdirat(at, ".new", 0755) == 0) {
        int fresh = openat(at, ".new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fresh >= 0 && fill_folder(p, fresh) == 0 && fchmod(fresh, 0755) == 0) {
          remove_tree(at, p->id); /* there, but not usable: damaged */
          if (renameat(at, ".new", at, p->id) == 0) fsync(at);
        }
        if (fresh >= 0) close(fresh);
        remove_tree(at, ".new");
      }
    }
  }
  if (lock >= 0) close(lock);
  if (at >= 0) close(at);
}
