/* A fixed-answer HTTP/2 server, made so that it is never the bottleneck of a benchmark.
 *
 * 1. One thread, edge-triggered epoll; each connection is registered once. Without TLS, HTTP/2 is
 *    spoken at once (RFC 9113 3.3).
 * 2. Each request, ended by END_STREAM on HEADERS or DATA, is answered with the same head and a
 *    body of 38 bytes, as bench/server.c does: 72 bytes, of which only the stream's number differs.
 *    Nothing of a request is decoded, and the head refers to no table, so any client reads it.
 * 3. Out of contract: the client's windows (38 bytes of each are used) and settings.
 * 4. It dies with its parent. The first line printed is the port; on SIGTERM the last one is
 *    "answered N connections N".
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
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 1024, BACKLOG = 16384, READ_BYTES = 1 << 16, PREFACE_BYTES = 24,
       HEADER_BYTES = 9, UNSENT_MAX = 1 << 22 };
enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6 };
enum { END_STREAM = 1, ACK = 1 };

struct conn {
    int fd;
    size_t preface_left;
    uint8_t *out;          /* unsent from out_begin to out_end */
    size_t out_begin, out_end, out_room;
    size_t kept;           /* bytes of a frame whose end is still to come */
    uint8_t start[READ_BYTES];
};

/* :status 200, content-type text/plain, content-length 38, Huffman-coded and not indexed. */
static uint8_t answer[] = {
    0, 0, 16, HEADERS, 4, 0, 0, 0, 0,
    0x88, 0x0f, 0x10, 0x87, 0x49, 0x7c, 0xa5, 0x8a, 0xe8, 0x19, 0xaa, 0x0f, 0x0d, 0x82, 0x65, 0xef,
    0, 0, 38, DATA, END_STREAM, 0, 0, 0, 0,
    'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
    'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x'};
enum { HEAD_STREAM_AT = 5, DATA_STREAM_AT = HEADER_BYTES + 16 + 5 };
static const uint8_t settings[] = {0, 0, 0, SETTINGS, 0, 0, 0, 0, 0};
static const uint8_t settings_ack[] = {0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0};

static struct { uint64_t answered, connections; } count;
static int epoll_fd, listen_fd, signal_fd;

static void die(const char *what) {
    fprintf(stderr, "fixed_http2: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint8_t *reserve(struct conn *conn, size_t bytes) {
    if (conn->out_end + bytes > conn->out_room) {
        conn->out_room = 2 * (conn->out_end + bytes);
        if (!(conn->out = realloc(conn->out, conn->out_room)))
            die("realloc");
    }
    conn->out_end += bytes;
    return conn->out + conn->out_end - bytes;
}

static void put(struct conn *conn, const uint8_t *bytes, size_t n_bytes) {
    memcpy(reserve(conn, n_bytes), bytes, n_bytes);
}

/* Returns false when the connection broke. */
static bool conn_send(struct conn *conn) {
    while (conn->out_begin != conn->out_end) {
        ssize_t n = send(conn->fd, conn->out + conn->out_begin, conn->out_end - conn->out_begin,
                         MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN;
        conn->out_begin += (size_t)n;
    }
    conn->out_begin = conn->out_end = 0;
    return true;
}

static void on_frame(struct conn *conn, const uint8_t *frame, size_t payload_bytes) {
    uint8_t type = frame[3], flags = frame[4];
    if ((type == HEADERS || type == DATA) && flags & END_STREAM) {
        memcpy(answer + HEAD_STREAM_AT, frame + 5, 4);
        memcpy(answer + DATA_STREAM_AT, frame + 5, 4);
        put(conn, answer, sizeof answer);
        count.answered++;
    } else if (type == SETTINGS && !(flags & ACK)) {
        put(conn, settings_ack, sizeof settings_ack);
    } else if (type == PING && !(flags & ACK)) {
        uint8_t *reply = reserve(conn, HEADER_BYTES + payload_bytes);
        memcpy(reply, frame, HEADER_BYTES + payload_bytes);
        reply[4] = ACK;
    }
}

/* Returns how many bytes were used up. */
static size_t conn_parse(struct conn *conn, const uint8_t *data, size_t bytes) {
    size_t used = 0;
    if (conn->preface_left) {
        used = bytes < conn->preface_left ? bytes : conn->preface_left;
        conn->preface_left -= used;
        if (!conn->preface_left)
            put(conn, settings, sizeof settings);
    }
    while (bytes - used >= HEADER_BYTES) {
        const uint8_t *frame = data + used;
        size_t payload_bytes = (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];
        if (bytes - used < HEADER_BYTES + payload_bytes)
            break;
        on_frame(conn, frame, payload_bytes);
        used += HEADER_BYTES + payload_bytes;
    }
    return used;
}

/* Returns false when the connection is over. */
static bool conn_serve(struct conn *conn, bool hangup) {
    static uint8_t buffer[2 * READ_BYTES];
    for (;;) {
        if (!conn_send(conn))
            return false;
        if (conn->out_end - conn->out_begin > UNSENT_MAX)
            return true;
        memcpy(buffer, conn->start, conn->kept);
        ssize_t n = recv(conn->fd, buffer + conn->kept, READ_BYTES, 0);
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        size_t bytes = conn->kept + (size_t)n;
        size_t used = conn_parse(conn, buffer, bytes);
        conn->kept = bytes - used;
        if (conn->kept > READ_BYTES)
            return false;
        memcpy(conn->start, buffer + used, conn->kept);
        if (n < READ_BYTES && !hangup)   /* what comes later raises a new edge */
            return conn_send(conn);
    }
}

static void conn_close(struct conn *conn) {
    close(conn->fd);
    free(conn->out);
    free(conn);
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
        struct conn *conn = calloc(1, sizeof *conn);
        if (!conn)
            die("calloc");
        conn->fd = fd;
        conn->preface_left = PREFACE_BYTES;
        count.connections++;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, conn);
    }
}

/* Prints the port it listens on, so that --port 0 is of use. */
static void listen_on(uint16_t port) {
    const int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_bytes = sizeof address;
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listen_fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listen_fd, BACKLOG) < 0)
        die("listen");
    getsockname(listen_fd, (struct sockaddr *)&address, &address_bytes);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static void serve_until_signal(void) {
    static struct epoll_event events[EVENTS_MAX];
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

int main(int argc, char **argv) {
    static const struct option options[] = {{"port", required_argument, NULL, 'p'}, {0}};
    unsigned long port = 8080;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'p') {
            fputs("usage: fixed_http2 [--port N]\n", stderr);
            return 1;
        }
        port = strtoul(optarg, NULL, 10);
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    listen_on((uint16_t)port);
    watch(listen_fd, EPOLLIN, &listen_fd);
    watch(signal_fd, EPOLLIN, &signal_fd);
    serve_until_signal();
    printf("answered %lu connections %lu\n", count.answered, count.connections);
    return 0;
}
