/*
 * This program's own malloc and its kin, which the library then uses too (link with -rdynamic). It can refuse memory, stop a
 * thread inside it, count what a hook asks for, and say what has not been given back.
 */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

#include <errno.h>
#include <semaphore.h>
#include <stddef.h>

/* glibc's own, under the names that it keeps for this. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

/* A voice takes more than this in one piece, at 8 kHz 9 KB; nothing else in these programs' small calls does. */
#define LARGE ((size_t)8 * 1024)

static struct {
    int refuse;     /* 0: nothing; ALL: every large allocation; n: the n-th large one from now on */
    long large;     /* large allocations asked for since it was set to 0 */
    long live;      /* blocks that were not given back */
    sem_t stopped;  /* a thread has stopped inside, as it was told to */
    sem_t go;
} memory;
enum { ALL = -1 };

static _Thread_local struct {
    int in_hook;     /* set around hook calls */
    long from_hooks; /* calls of the allocator while it was set */
    long stop_at;    /* stop at the n-th call of the allocator from now on; 0: never */
    long calls;
} here;

/* What every call passes. Returns 0 where memory is to be refused. */
static inline int allocator_enter(size_t size)
{
    here.calls++;
    if (here.in_hook) here.from_hooks++;
    if (here.stop_at && --here.stop_at == 0) {
        sem_post(&memory.stopped);
        while (sem_wait(&memory.go)) {}
    }
    if (size <= LARGE) return 1;
    long nth = __atomic_add_fetch(&memory.large, 1, __ATOMIC_RELAXED);
    int refuse = __atomic_load_n(&memory.refuse, __ATOMIC_RELAXED);
    return refuse != ALL && refuse != nth;
}

static inline void *allocator_leave(void *block)
{
    if (block) __atomic_add_fetch(&memory.live, 1, __ATOMIC_RELAXED);
    else errno = ENOMEM;
    return block;
}

void *malloc(size_t size) { return allocator_leave(allocator_enter(size) ? __libc_malloc(size) : NULL); }
void *calloc(size_t count, size_t size)
{
    size_t all = size && count > SIZE_MAX / size ? SIZE_MAX : count * size;
    return allocator_leave(allocator_enter(all) ? __libc_calloc(count, size) : NULL);
}
void *realloc(void *old, size_t size)
{
    if (!allocator_enter(size)) return errno = ENOMEM, NULL;
    void *block = __libc_realloc(old, size);
    if (!old && block) __atomic_add_fetch(&memory.live, 1, __ATOMIC_RELAXED);
    if (old && !block && !size) __atomic_sub_fetch(&memory.live, 1, __ATOMIC_RELAXED);
    return block;
}
void *memalign(size_t alignment, size_t size)
{
    return allocator_leave(allocator_enter(size) ? __libc_memalign(alignment, size) : NULL);
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *got = memalign(alignment, size);
    if (!got) return ENOMEM;
    *block = got;
    return 0;
}
void free(void *block)
{
    if (!block) return;
    allocator_enter(0);
    __atomic_sub_fetch(&memory.live, 1, __ATOMIC_RELAXED);
    __libc_free(block);
}

#endif
