/* What the clients share that only send and receive: see limit.c. Who includes this defines PROGRAM
 * and `drain`. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 1024, READ_BYTES = 1 << 20 };

struct conn;
static uint64_t drain(struct conn *conn);   /* returns how many answers ended */

static uint8_t buffer[READ_BYTES];

static void die(const char *what) {
    fprintf(stderr, PROGRAM ": %s: %s\n", what, errno ? strerror(errno) : "unexpected");
    exit(1);
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double cpu_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static int connect_to(uint16_t port) {
    const int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Begins: as many open files as are allowed, and it dies with its parent. Returns the epoll. */
static int begin(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("start");
    return epoll_fd;
}

static void watch(int epoll_fd, int fd, struct conn *conn) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = conn};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

/* Loads for so long since `start_s`, and prints "requests seconds req/s cpu_us_per_request". */
static void load(int epoll_fd, double start_s, double seconds) {
    static struct epoll_event events[EVENTS_MAX];
    uint64_t requests = 0;
    while (now_s() < start_s + seconds) {
        int ready = epoll_wait(epoll_fd, events, EVENTS_MAX, 100);
        for (int i = 0; i < ready; i++)
            requests += drain(events[i].data.ptr);
    }
    double elapsed_s = now_s() - start_s;
    printf("%lu %.6f %.1f %.4f\n", requests, elapsed_s, (double)requests / elapsed_s,
           cpu_s() / (double)(requests ? requests : 1) * 1e6);
}
