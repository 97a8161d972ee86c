/* Ends its own process with SIGKILL at the n-th call that makes something durable, or writes.
 *
 * Preloaded (LD_PRELOAD) it stands between the process and libc. It only counts until
 * accord_arm(n, kinds, when) is called; then the n-th call of those kinds is the last:
 *
 *     kinds   1 fsync, fdatasync, rename, ftruncate, unlink      2 write, pwrite to regular files
 *     when    0 before the call    1 after it    2 in the middle of it (a write of half the bytes)
 *
 * It also plays a disk that is full: accord_space(bytes) is by how much regular files may still
 * grow, together; a write that does not fit is cut short, and the next one fails with ENOSPC.
 * Writes into what a file has already go through. Less than nothing is no limit, as at the start.
 * The number lies in the file that ACCORD_TEST_SPACE names, if it does: another process may set it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { SYNC = 1, WRITE = 2 };
enum { BEFORE = 0, AFTER = 1, HALF = 2 };

static atomic_long counted;
static long wanted;
static int kinds, when;

void accord_arm(long n, int of_kinds, int at)
{
    wanted = n;
    kinds = of_kinds;
    when = at;
    atomic_store(&counted, 0);
}

long accord_counted(void)
{
    return atomic_load(&counted);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Tells whether this call is the last. */
static int is_last(int kind)
{
    return (kinds & kind) && atomic_fetch_add(&counted, 1) + 1 == wanted;
}

static int is_file(int fd)
{
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

static atomic_long own_space = -1;
static atomic_long *space = &own_space;

__attribute__((constructor)) static void share_space(void)
{
    const char *path = getenv("ACCORD_TEST_SPACE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *shared = mmap(NULL, sizeof(atomic_long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared != MAP_FAILED)
        space = shared;
}

void accord_space(long bytes)
{
    atomic_store(space, bytes);
}

/* Returns how many of these bytes fit on the disk, and takes their room. */
static size_t fitting(int fd, size_t length, off_t at)
{
    struct stat found;
    long left = atomic_load(space);
    if (left < 0 || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return length;
    long growth = (long)(at + (off_t)length - found.st_size);
    if (growth <= 0)
        return length;
    if (growth <= left) {
        atomic_fetch_sub(space, growth);
        return length;
    }
    long missing = growth - left;
    if (missing >= (long)length)
        return 0;
    atomic_store(space, 0);
    return length - (size_t)missing;
}

static off_t place_of(int fd)
{
    struct stat found;
    if ((fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &found) == 0)
        return found.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

#define REAL(name, ...)                                                                            \
    static int (*real)(__VA_ARGS__);                                                               \
    if (!real)                                                                                     \
    real = (int (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define AROUND(call)                                                                               \
    int last = is_last(SYNC);                                                                      \
    if (last && when == BEFORE)                                                                    \
        die();                                                                                     \
    int result = call;                                                                             \
    if (last)                                                                                      \
        die();                                                                                     \
    return result

int fsync(int fd)
{
    REAL("fsync", int);
    AROUND(real(fd));
}

int fdatasync(int fd)
{
    REAL("fdatasync", int);
    AROUND(real(fd));
}

int rename(const char *from, const char *to)
{
    REAL("rename", const char *, const char *);
    AROUND(real(from, to));
}

int renameat(int a, const char *from, int b, const char *to)
{
    REAL("renameat", int, const char *, int, const char *);
    AROUND(real(a, from, b, to));
}

int unlink(const char *path)
{
    REAL("unlink", const char *);
    AROUND(real(path));
}

int ftruncate(int fd, off_t length)
{
    REAL("ftruncate", int, off_t);
    AROUND(real(fd, length));
}

int ftruncate64(int fd, off64_t length)
{
    REAL("ftruncate64", int, off64_t);
    AROUND(real(fd, length));
}

#define WRITING(place, call_whole, call_half)                                                      \
    size_t wished = length;                                                                        \
    length = atomic_load(space) < 0 ? length : fitting(fd, length, place);                         \
    if (wished && !length) {                                                                       \
        errno = ENOSPC;                                                                            \
        return -1;                                                                                 \
    }                                                                                              \
    int last = is_file(fd) && is_last(WRITE);                                                      \
    if (last && when == BEFORE)                                                                    \
        die();                                                                                     \
    ssize_t result = last && when == HALF ? call_half : call_whole;                                \
    if (last)                                                                                      \
        die();                                                                                     \
    return result

ssize_t write(int fd, const void *data, size_t length)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    WRITING(place_of(fd), real(fd, data, length), real(fd, data, length / 2));
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    WRITING(at, real(fd, data, length, at), real(fd, data, length / 2, at));
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    WRITING(at, real(fd, data, length, at), real(fd, data, length / 2, at));
}
