/*
 * Makes the disk of a PostgreSQL server fail on demand. Loaded before the C library, it stands in
 * for the calls that write and sync files.
 *
 * PGTEST_FAULT names a file whose first byte is the fault, mapped into every process of the server:
 *   0    none
 *   's'  syncing fails with EIO
 *   'f'  files do not grow: ENOSPC
 *   't'  the same, but for files in pg_wal
 * PGTEST_DATA is the directory whose files are concerned.
 *
 * A call without a fault costs one load from memory. Only a file's growth fails, because on a full
 * disk what has its blocks can still be written over.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const volatile char *fault;
static const char *data;
static size_t data_length;

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv("PGTEST_FAULT");

	data = getenv("PGTEST_DATA");
	if (name == NULL || data == NULL)
		return;
	/* PostgreSQL moves its environment about, to show its state in ps. */
	data = strdup(data);
	if (data == NULL)
		abort();
	data_length = strlen(data);

	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror("pgtest shim: open the fault file");
		abort();
	}
	void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		perror("pgtest shim: map the fault file");
		abort();
	}
	close(fd);
	fault = page;
}

/* Returns the part of a file's path below the data directory, or NULL when it is not there. */
static const char *below_data(int fd, char path[PATH_MAX])
{
	char link[64];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, PATH_MAX - 1);
	if (length < 0)
		return NULL;
	path[length] = '\0';
	if (strncmp(path, data, data_length) != 0)
		return NULL;
	if (path[data_length] != '/' && path[data_length] != '\0')
		return NULL;
	return path + data_length;
}

static int sync_fails(int fd)
{
	char path[PATH_MAX];

	if (fault == NULL || *fault != 's')
		return 0;
	int saved = errno;
	int fails = below_data(fd, path) != NULL;
	errno = fails ? EIO : saved;
	return fails;
}

/* Tells whether a file cannot grow to the size given; -1 is wherever it would be written next. */
static int growth_fails(int fd, off_t size, size_t length)
{
	char path[PATH_MAX];
	struct stat info;

	if (fault == NULL || (*fault != 'f' && *fault != 't'))
		return 0;
	char now = *fault;
	int saved = errno;
	int fails = 0;

	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
		if (size < 0) {
			int flags = fcntl(fd, F_GETFL);
			off_t at = flags >= 0 && (flags & O_APPEND) ? info.st_size : lseek(fd, 0, SEEK_CUR);
			size = at + (off_t) length;
		}
		if (size > info.st_size) {
			const char *below = below_data(fd, path);
			fails = below != NULL && !(now == 't' && strncmp(below, "/pg_wal/", 8) == 0);
		}
	}
	errno = fails ? ENOSPC : saved;
	return fails;
}

static size_t total(const struct iovec *parts, int count)
{
	size_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += parts[i].iov_len;
	return sum;
}

/* Declares a pointer to the function of the C library that one of ours stands in for. */
#define REAL(result, name, ...)                                                  \
	static result (*real)(__VA_ARGS__);                                      \
	if (real == NULL)                                                        \
		real = (result (*)(__VA_ARGS__)) dlsym(RTLD_NEXT, name)

int fsync(int fd)
{
	REAL(int, "fsync", int);
	return sync_fails(fd) ? -1 : real(fd);
}

int fdatasync(int fd)
{
	REAL(int, "fdatasync", int);
	return sync_fails(fd) ? -1 : real(fd);
}

int sync_file_range(int fd, off_t offset, off_t length, unsigned int flags)
{
	REAL(int, "sync_file_range", int, off_t, off_t, unsigned int);
	return sync_fails(fd) ? -1 : real(fd, offset, length, flags);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	REAL(ssize_t, "write", int, const void *, size_t);
	return growth_fails(fd, -1, length) ? -1 : real(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	REAL(ssize_t, "writev", int, const struct iovec *, int);
	return growth_fails(fd, -1, total(parts, count)) ? -1 : real(fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
	return growth_fails(fd, offset + (off_t) length, 0) ? -1 : real(fd, bytes, length, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
	return growth_fails(fd, offset + (off_t) total(parts, count), 0) ? -1 : real(fd, parts, count, offset);
}

int posix_fallocate(int fd, off_t offset, off_t length)
{
	REAL(int, "posix_fallocate", int, off_t, off_t);
	int saved = errno; /* which this call leaves alone */
	if (growth_fails(fd, offset + length, 0)) {
		errno = saved;
		return ENOSPC;
	}
	return real(fd, offset, length);
}

int ftruncate(int fd, off_t length)
{
	REAL(int, "ftruncate", int, off_t);
	return growth_fails(fd, length, 0) ? -1 : real(fd, length);
}

/* Under these names glibc offers the same to programs built for large files. */
#ifdef __GLIBC__
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
	REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
	return growth_fails(fd, offset + (off_t) length, 0) ? -1 : real(fd, bytes, length, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
	REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
	return growth_fails(fd, offset + (off_t) total(parts, count), 0) ? -1 : real(fd, parts, count, offset);
}

int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
	REAL(int, "posix_fallocate64", int, off64_t, off64_t);
	int saved = errno;
	if (growth_fails(fd, offset + length, 0)) {
		errno = saved;
		return ENOSPC;
	}
	return real(fd, offset, length);
}

int ftruncate64(int fd, off64_t length)
{
	REAL(int, "ftruncate64", int, off64_t);
	return growth_fails(fd, length, 0) ? -1 : real(fd, length);
}
#endif
