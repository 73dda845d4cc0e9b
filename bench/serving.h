/* What the fixed-answer servers share: connections accepted, watched and served until a signal.
 *
 * One thread, edge-triggered epoll; each connection is registered once, for both directions. Who
 * includes this defines PROGRAM and the three functions on a connection. It dies with its parent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 1024, BACKLOG = 16384, READ_BYTES = 1 << 16 };

struct conn;
static struct conn *conn_open(int fd);
static bool conn_serve(struct conn *conn, bool hangup);   /* false when the connection is over */
static void conn_close(struct conn *conn);

static uint64_t connections;
static int epoll_fd, listen_fd, signal_fd;

static void die(const char *what) {
    fprintf(stderr, PROGRAM ": %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(int fd, uint32_t events, void *owner) {
    struct epoll_event event = {.events = events, .data.ptr = owner};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void accept_all(void) {
    const int one = 1;
    int fd;
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *conn = conn_open(fd);
        if (!conn)
            die("calloc");
        connections++;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, conn);
    }
}

/* Prints the port it listens on, so that --port 0 is of use. */
static void listen_on(uint16_t port, bool reuseport) {
    const int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_bytes = sizeof address;
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listen_fd, SOL_SOCKET, reuseport ? SO_REUSEPORT : SO_REUSEADDR, &one, sizeof one);
    if (bind(listen_fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listen_fd, BACKLOG) < 0)
        die("listen");
    getsockname(listen_fd, (struct sockaddr *)&address, &address_bytes);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

/* Serves until SIGTERM or SIGINT, with as many open files as are allowed. */
static void serve(uint16_t port, bool reuseport) {
    static struct epoll_event events[EVENTS_MAX];
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    listen_on(port, reuseport);
    watch(listen_fd, EPOLLIN, &listen_fd);
    watch(signal_fd, EPOLLIN, &signal_fd);
    for (;;) {
        int ready = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++) {
            void *owner = events[i].data.ptr;
            if (owner == &signal_fd)
                return;
            if (owner == &listen_fd)
                accept_all();
            else if (!conn_serve(owner, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
                conn_close(owner);
        }
    }
}
