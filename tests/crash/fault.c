/* A disk that fails, is full or slow, or whose power is cut, for the files below one folder: preloaded into a server.
 *
 * FAULT_ROOT    the folder; what is elsewhere is left alone
 * FAULT_CONTROL a file of struct control, mapped and read at every call: a test changes it while the server runs
 * FAULT_LOG     where to write down all that changes files, for tests/crash/disk.py
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { LIE = -1 }; /* the error of a sync that succeeds and does nothing */
enum act { SYNC, WRITE, RENAME, OPEN, ACTS };

struct control {
    struct {
        int32_t error;    /* errno; 0: none */
        int32_t after;    /* calls that succeed before */
        int32_t permille; /* of those that follow fail */
        int32_t delay_us; /* before each call */
        int32_t failed;   /* how many did */
        int32_t calls;
    } act[ACTS];
};

static struct control *control;
static const char *root;
static size_t root_length;
static int log_file = -1;

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate)(int, off_t);
static int (*real_rename)(const char *, const char *), (*real_unlink)(const char *);
static int (*real_link)(const char *, const char *), (*real_mkdir)(const char *, mode_t);
static int (*real_linkat)(int, const char *, int, const char *, int);
static int (*real_unlinkat)(int, const char *, int);

__attribute__((constructor)) static void begin(void)
{
    real_open = dlsym(RTLD_NEXT, "open");
    real_openat = dlsym(RTLD_NEXT, "openat");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_link = dlsym(RTLD_NEXT, "link");
    real_mkdir = dlsym(RTLD_NEXT, "mkdir");
    real_linkat = dlsym(RTLD_NEXT, "linkat");
    real_unlinkat = dlsym(RTLD_NEXT, "unlinkat");
    root = getenv("FAULT_ROOT");
    root_length = root ? strlen(root) : 0;
    const char *path = getenv("FAULT_CONTROL");
    if (path) {
        int file = real_open(path, O_RDWR | O_CLOEXEC);
        void *memory = file < 0 ? MAP_FAILED
                                : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (memory != MAP_FAILED)
            control = memory;
        if (file >= 0)
            close(file);
    }
    if ((path = getenv("FAULT_LOG")))
        log_file = real_open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static int is_ours(const char *path)
{
    return root && path && !strncmp(path, root, root_length);
}

/* Whether the descriptor is of a file below the folder; its path. */
static int path_of(int file, char *path)
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_ours(path);
}

static int fails(enum act act)
{
    if (!control)
        return 0;
    __atomic_add_fetch(&control->act[act].calls, 1, __ATOMIC_RELAXED);
    int delay = control->act[act].delay_us;
    if (delay > 0) {
        struct timespec time = {delay / 1000000, delay % 1000000 * 1000L};
        nanosleep(&time, NULL);
    }
    int error = control->act[act].error;
    if (!error)
        return 0;
    if (__atomic_sub_fetch(&control->act[act].after, 1, __ATOMIC_RELAXED) >= 0)
        return 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if ((now.tv_nsec / 7) % 1000 >= control->act[act].permille)
        return 0;
    __atomic_add_fetch(&control->act[act].failed, 1, __ATOMIC_RELAXED);
    errno = error;
    return 1;
}

/* One record: a head, two texts and octets, appended at once, before the act itself, but syncs also after it. */
static void note(char act, uint64_t inode, uint64_t at, const char *one, const char *other, const void *data, size_t size)
{
    if (log_file < 0)
        return;
    int kept = errno;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct {
        uint64_t time, inode, at;
        uint32_t one, other, size;
        char act, pad[3];
    } head = {now.tv_sec * 1000000000ull + now.tv_nsec, inode, at, strlen(one), strlen(other), size, act, {0}};
    struct iovec parts[4] = {{&head, sizeof head}, {(void *)one, head.one}, {(void *)other, head.other}, {(void *)data, size}};
    if (writev(log_file, parts, 4) < 0)
        abort();
    errno = kept;
}

static uint64_t inode_of(int file)
{
    struct stat found;
    return fstat(file, &found) ? 0 : found.st_ino;
}

static uint64_t inode_at(const char *path)
{
    struct stat found;
    return lstat(path, &found) ? 0 : found.st_ino;
}

static int opened(const char *path, int flags, mode_t mode)
{
    if (!is_ours(path))
        return real_open(path, flags, mode);
    if (fails(OPEN))
        return -1;
    int is_new = (flags & O_CREAT) && !(flags & O_DIRECTORY) && access(path, F_OK);
    int file = real_open(path, flags, mode);
    if (file >= 0 && is_new)
        note('c', inode_of(file), 0, path, "", NULL, 0);
    if (file >= 0 && (flags & O_TRUNC))
        note('t', inode_of(file), 0, path, "", NULL, 0);
    return file;
}

static mode_t mode_of(int flags, va_list more)
{
    return flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? va_arg(more, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = mode_of(flags, more);
    va_end(more);
    return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = mode_of(flags, more);
    va_end(more);
    return opened(path, flags | O_LARGEFILE, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = mode_of(flags, more);
    va_end(more);
    return path[0] == '/' ? opened(path, flags, mode) : real_openat(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = mode_of(flags, more);
    va_end(more);
    return path[0] == '/' ? opened(path, flags | O_LARGEFILE, mode) : real_openat(folder, path, flags, mode);
}

ssize_t write(int file, const void *data, size_t size)
{
    char path[PATH_MAX];
    if (!root || !path_of(file, path))
        return real_write(file, data, size);
    if (fails(WRITE))
        return -1;
    if (log_file >= 0) {
        off_t at = lseek(file, 0, SEEK_CUR);
        note('w', inode_of(file), at, path, "", data, size);
    }
    return real_write(file, data, size);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at)
{
    char path[PATH_MAX];
    if (!root || !path_of(file, path))
        return real_pwrite(file, data, size, at);
    if (fails(WRITE))
        return -1;
    note('w', inode_of(file), at, path, "", data, size);
    return real_pwrite(file, data, size, at);
}

ssize_t pwrite64(int file, const void *data, size_t size, off_t at)
{
    return pwrite(file, data, size, at);
}

static int synced(int file, int (*real)(int))
{
    char path[PATH_MAX];
    if (!root || !path_of(file, path))
        return real(file);
    if (control && control->act[SYNC].error == LIE)
        return 0;
    if (fails(SYNC))
        return -1;
    uint64_t inode = inode_of(file);
    note('b', inode, 0, path, "", NULL, 0);
    int result = real(file);
    if (!result)
        note('s', inode, 0, path, "", NULL, 0);
    return result;
}

int fsync(int file)
{
    return synced(file, real_fsync);
}

int fdatasync(int file)
{
    return synced(file, real_fdatasync);
}

int ftruncate(int file, off_t size)
{
    char path[PATH_MAX];
    if (root && path_of(file, path)) {
        if (fails(WRITE))
            return -1;
        note('t', inode_of(file), size, path, "", NULL, 0);
    }
    return real_ftruncate(file, size);
}

int ftruncate64(int file, off_t size)
{
    return ftruncate(file, size);
}

int rename(const char *from, const char *to)
{
    if (is_ours(to)) {
        if (fails(RENAME))
            return -1;
        note('r', inode_at(from), 0, from, to, NULL, 0);
    }
    return real_rename(from, to);
}

int link(const char *from, const char *to)
{
    if (is_ours(to)) {
        if (fails(RENAME))
            return -1;
        note('l', inode_at(from), 0, to, "", NULL, 0);
    }
    return real_link(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    if (is_ours(to)) {
        if (fails(RENAME))
            return -1;
        note('l', inode_at(from), 0, to, "", NULL, 0);
    }
    return real_linkat(from_folder, from, to_folder, to, flags);
}

int unlink(const char *path)
{
    if (is_ours(path))
        note('u', inode_at(path), 0, path, "", NULL, 0);
    return real_unlink(path);
}

int unlinkat(int folder, const char *path, int flags)
{
    if (is_ours(path))
        note('u', inode_at(path), 0, path, "", NULL, 0);
    return real_unlinkat(folder, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
    if (!is_ours(path))
        return real_mkdir(path, mode);
    if (fails(WRITE))
        return -1;
    int result = real_mkdir(path, mode);
    if (!result)
        note('d', inode_at(path), 0, path, "", NULL, 0);
    return result;
}
