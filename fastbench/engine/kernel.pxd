"""What the engine asks of the kernel: clock, epoll, sockets.

1. Declarations first, then the few wrappers that turn errno into a return value: 0 or more is
   success, below 0 is -errno.
2. CLOCK_MONOTONIC is the only clock (clock_gettime(2)); a wall clock may jump.
3. Waiting is by epoll_pwait2(2), which takes nanoseconds; kernels before 5.11 lack it and get
   epoll_wait(2), rounded up to a millisecond.
"""

from libc.errno cimport EINVAL, ENOSYS, errno
from libc.stdint cimport int32_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset, strlen
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.types cimport clockid_t

cdef extern from "<sys/socket.h>" nogil:
    ctypedef uint32_t socklen_t
    cdef struct sockaddr:
        uint16_t sa_family
    cdef struct sockaddr_storage:
        uint16_t ss_family
    int AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC
    int SOL_SOCKET, SO_ERROR, MSG_NOSIGNAL, MSG_PEEK, MSG_TRUNC
    int c_socket "socket"(int family, int kind, int protocol)
    int c_connect "connect"(int fd, const sockaddr *address, socklen_t n_bytes)
    int c_bind "bind"(int fd, const sockaddr *address, socklen_t n_bytes)
    int SHUT_WR
    int shutdown(int fd, int how)
    ssize_t c_recv "recv"(int fd, void *data, size_t n_bytes, int flags)
    ssize_t c_send "send"(int fd, const void *data, size_t n_bytes, int flags)
    int getsockopt(int fd, int level, int name, void *value, socklen_t *n_bytes)
    int setsockopt(int fd, int level, int name, const void *value, socklen_t n_bytes)

cdef extern from "<netinet/in.h>" nogil:
    int IPPROTO_TCP, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT

cdef extern from "<arpa/inet.h>" nogil:
    int AF_INET, AF_INET6
    uint16_t htons(uint16_t value)
    int inet_pton(int family, const char *text, void *out)
    cdef struct sockaddr_in:
        uint16_t sin_family
        uint16_t sin_port
        int sin_addr
    cdef struct sockaddr_in6:
        uint16_t sin6_family
        uint16_t sin6_port
        uint32_t sin6_scope_id
        int sin6_addr

cdef extern from "<sys/un.h>" nogil:
    cdef struct sockaddr_un:
        uint16_t sun_family
        char sun_path[108]

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_NODELAY

cdef extern from "<unistd.h>" nogil:
    int close(int fd)
    int dup(int fd)

cdef extern from "<sys/prctl.h>" nogil:
    int PR_SET_TIMERSLACK, PR_SET_PDEATHSIG
    int prctl(int option, unsigned long value)

cdef extern from "<sys/syscall.h>" nogil:
    long SYS_sched_setattr
    long syscall(long number, int thread, void *attributes, unsigned int flags)

cdef extern from "<signal.h>" nogil:
    int SIGKILL

cdef extern from "<sys/epoll.h>" nogil:
    uint32_t EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR, EPOLLET
    int EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CLOEXEC
    ctypedef union epoll_data_t:
        void *ptr
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event *event)
    int epoll_wait(int epoll, epoll_event *events, int room, int timeout_ms)
    int epoll_pwait2(int epoll, epoll_event *events, int room, const timespec *timeout,
                     const void *signals)

cdef extern from "<sys/mman.h>" nogil:
    int PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE
    void *MAP_FAILED
    void *mmap(void *address, size_t n_bytes, int protection, int flags, int fd, long offset)
    int munmap(void *address, size_t n_bytes)
    int madvise(void *address, size_t n_bytes, int advice)

cdef enum:
    MADV_POPULATE_WRITE_ = 23   # linux/mman.h; glibc before 2.35 does not name it

cdef struct SchedAttr:          # linux/sched/types.h, SCHED_ATTR_SIZE_VER0
    uint32_t size
    uint32_t policy
    uint64_t flags
    int32_t nice
    uint32_t priority
    uint64_t runtime
    uint64_t deadline
    uint64_t period

cdef struct Address:
    sockaddr_storage where
    socklen_t n_bytes

cdef inline int populate(void *memory, size_t n_bytes) noexcept nogil:
    """Back a mapping with pages now; -errno when there are none to give (madvise(2)).

    EINVAL: a kernel before 5.14 cannot, and gives them at first use.
    """
    if madvise(memory, n_bytes, MADV_POPULATE_WRITE_) < 0 and errno != EINVAL:
        return -errno
    return 0


cdef inline void *map_zeros(size_t n_bytes) noexcept nogil:
    """Private memory of zeros; NULL if there is none. Give it back with munmap.

    What is never touched costs nothing; malloc would clear all of what was used before.
    """
    cdef void *memory = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                             -1, 0)
    return NULL if memory == MAP_FAILED else memory


cdef inline void ask_for_short_slices(uint64_t slice_ns) noexcept nogil:
    """Let this thread run soon after it wakes, for little at a time.

    Since Linux 6.12 a normal thread that wakes pre-empts one with a longer slice
    (PREEMPT_SHORT, kernel/sched/fair.c); it would wait for up to 3 ms else. Before 6.12 the kernel
    ignores the wish.
    """
    cdef SchedAttr attributes
    memset(&attributes, 0, sizeof(attributes))
    attributes.size = sizeof(attributes)
    attributes.runtime = slice_ns
    syscall(SYS_sched_setattr, 0, &attributes, 0)


cdef inline uint64_t now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <uint64_t>now.tv_sec * 1000000000u + <uint64_t>now.tv_nsec


cdef inline uint64_t process_ns(int32_t pid) noexcept nogil:
    """Processor time of a process, of all threads that it ever had; 0 when it has ended.

    clock_getcpuclockid(3), without its look whether the process is there. It needs no rights.
    """
    cdef timespec spent
    if clock_gettime(<clockid_t>((~pid << 3) | 2), &spent) < 0:
        return 0
    return <uint64_t>spent.tv_sec * 1000000000u + <uint64_t>spent.tv_nsec


cdef inline int wait(int epoll, epoll_event *events, int room, uint64_t wait_ns) noexcept nogil:
    """Number of ready events, 0 after `wait_ns`, -errno; -EINTR after a signal, or a stop."""
    cdef timespec timeout
    cdef int n
    timeout.tv_sec = <long>(wait_ns // 1000000000u)
    timeout.tv_nsec = <long>(wait_ns % 1000000000u)
    n = epoll_pwait2(epoll, events, room, &timeout, NULL)
    if n < 0 and errno == ENOSYS:
        n = epoll_wait(epoll, events, room, <int>((wait_ns + 999999u) // 1000000u))
    return n if n >= 0 else -errno


cdef inline int watch(int epoll, int fd, void *owner) noexcept nogil:
    """Report every edge on `fd`; one call per connection, none per request."""
    cdef epoll_event event
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET
    event.data.ptr = owner
    return -errno if epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 else 0


cdef inline void unwatch(int epoll, int fd) noexcept nogil:
    """Report nothing more of `fd`; needed only where a duplicate of it stays open."""
    cdef epoll_event event
    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event)


cdef inline int duplicate(int fd) noexcept nogil:
    return dup(fd)


cdef inline void end_writing(int fd) noexcept nogil:
    """The peer reads what was written, then the end of the stream (shutdown(2))."""
    shutdown(fd, SHUT_WR)


cdef inline int fill_address(Address *self, int family, const char *host, uint16_t port,
                             uint32_t scope) noexcept nogil:
    """`host` is an IP address or a Unix socket's path, @NAME for an abstract one; 0, or -1 when it
    is neither."""
    cdef sockaddr_in *v4 = <sockaddr_in *>&self.where
    cdef sockaddr_in6 *v6 = <sockaddr_in6 *>&self.where
    cdef sockaddr_un *unix_path = <sockaddr_un *>&self.where
    memset(self, 0, sizeof(Address))
    self.where.ss_family = <uint16_t>family
    if family == AF_INET:
        self.n_bytes = sizeof(sockaddr_in)
        v4.sin_port = htons(port)
        return 0 if inet_pton(family, host, &v4.sin_addr) == 1 else -1
    if family == AF_INET6:
        self.n_bytes = sizeof(sockaddr_in6)
        v6.sin6_port = htons(port)
        v6.sin6_scope_id = scope
        return 0 if inet_pton(family, host, &v6.sin6_addr) == 1 else -1
    if strlen(host) >= sizeof(unix_path.sun_path):
        return -1
    memcpy(unix_path.sun_path, host, strlen(host))
    self.n_bytes = sizeof(sockaddr_un)
    if host[0] == c"@":         # an abstract name, which is as long as its address says (unix(7))
        unix_path.sun_path[0] = 0
        self.n_bytes -= <socklen_t>(sizeof(unix_path.sun_path) - strlen(host))
    return 0


cdef inline int open_stream(int family, const Address *source, bint no_delay) noexcept nogil:
    """A non-blocking stream socket, bound to `source` unless NULL; fd or -errno.

    Without `no_delay` the kernel may hold small writes back (Nagle, RFC 9293 section 3.7.4).
    """
    cdef int one = 1
    cdef int code
    cdef int fd = c_socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if fd < 0:
        return -errno
    if family != AF_UNIX and no_delay:
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one))
    if source != NULL:
        # The port is picked at connect, per destination: bind(2) alone would share one small
        # range between all destinations (ip(7), IP_BIND_ADDRESS_NO_PORT).
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one))
        if c_bind(fd, <const sockaddr *>&source.where, source.n_bytes) < 0:
            code = -errno
            close(fd)
            return code
    return fd


cdef inline int connect(int fd, const Address *to) noexcept nogil:
    """0 when connected at once, else -errno (-EINPROGRESS: wait for EPOLLOUT)."""
    return 0 if c_connect(fd, <const sockaddr *>&to.where, to.n_bytes) == 0 else -errno


cdef inline int socket_error(int fd) noexcept nogil:
    """The pending error of a socket as an errno, 0 when there is none (SO_ERROR, socket(7))."""
    cdef int code = 0
    cdef socklen_t n_bytes = sizeof(code)
    if getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n_bytes) < 0:
        return errno
    return code


cdef inline ssize_t recv(int fd, void *data, size_t n_bytes) noexcept nogil:
    cdef ssize_t n = c_recv(fd, data, n_bytes, 0)
    return n if n >= 0 else -errno


cdef inline ssize_t peek(int fd, void *data, size_t n_bytes) noexcept nogil:
    """What has been received, which stays to be received (recv(2), MSG_PEEK)."""
    cdef ssize_t n = c_recv(fd, data, n_bytes, MSG_PEEK)
    return n if n >= 0 else -errno


cdef inline ssize_t discard(int fd, size_t n_bytes) noexcept nogil:
    """Drop up to `n_bytes` of what a TCP socket has received, uncopied (tcp(7), MSG_TRUNC)."""
    cdef ssize_t n = c_recv(fd, NULL, n_bytes, MSG_TRUNC)
    return n if n >= 0 else -errno


cdef inline ssize_t send(int fd, const void *data, size_t n_bytes) noexcept nogil:
    cdef ssize_t n = c_send(fd, data, n_bytes, MSG_NOSIGNAL)
    return n if n >= 0 else -errno
