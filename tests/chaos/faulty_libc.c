/* Preloaded into a daemon: calls of the C library that fail while a file says so.
 *
 * $FAULTS is a folder. While it has a file `fsync`, no file can be synced (EIO). A name that ends with `.test` is
 * 127.0.0.1; while there is a file `dns`, it cannot be resolved, after as many seconds as the file has bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The size of the file that switches a fault on; -1: it is off. */
static long fault(const char *name)
{
    char path[4096];
    struct stat found;
    const char *folder = getenv("FAULTS");
    if (folder == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &found) == 0 ? (long)found.st_size : -1;
}

static int sync_with(const char *name, int fd)
{
    if (fault("fsync") >= 0) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}

int fsync(int fd)
{
    return sync_with("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_with("fdatasync", fd);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    size_t length = node == NULL ? 0 : strlen(node);
    if (length < 5 || strcmp(node + length - 5, ".test") != 0)
        return real(node, service, hints, found);
    long seconds = fault("dns");
    if (seconds < 0)
        return real("127.0.0.1", service, hints, found);
    sleep((unsigned)seconds);
    return EAI_AGAIN;
}
