/* A WebSocket echo server, made so that it is never the bottleneck of a benchmark.
 *
 * 1. One thread, edge-triggered epoll; each connection is registered once. What arrives together is
 *    answered with one send.
 * 2. The handshake is answered with the right accept key (RFC 6455 4.2.2). A message comes back as it
 *    came, unmasked, frame by frame; a ping gets its pong, a close frame its echo and the end.
 * 3. `socket_echo RATE EACH` pushes instead: once a message came over a connection, it gets EACH
 *    messages; all together get RATE a second. The gaps before them are kept by the server's clock:
 *    the last line has their p99.
 * 4. It dies with its parent. The first line printed is the port; on SIGTERM or SIGINT the last one
 *    is "messages N opened N open N p99_us N"; messages are those that came, or were pushed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
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
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 1024, BACKLOG = 16384, READ_BYTES = 1 << 16, HEADER_BYTES = 14 };

struct conn {
    int fd;
    bool open;             /* the handshake is done */
    bool ending;           /* its close frame was answered */
    uint8_t *kept;         /* bytes of a frame, or a head, whose rest is still to come */
    size_t kept_bytes;
    uint8_t *owed;         /* what the socket did not take */
    size_t owed_bytes;
    size_t place;          /* in `listeners`, 1 is the first; 0: it gets nothing */
    uint64_t last_ns;      /* of its last message; of the one that asked for them */
    uint32_t pushed;
};

static uint8_t in[READ_BYTES * 2], out[READ_BYTES * 2];
static size_t out_bytes;
static struct { uint64_t messages, opened, open; } count;
static int epoll_fd, listen_fd, signal_fd, timer_fd;

enum { LISTENERS_MAX = 1 << 16, GAPS_MAX = 1 << 24, TICK_NS = 1000000, STAMP_BYTES = 26 };

static struct conn *listeners[LISTENERS_MAX];
static struct {
    uint64_t rate, each, begun_ns, sent;
    size_t listeners, next, gaps;
    uint32_t *us;
} push;

static void die(const char *what) {
    fprintf(stderr, "socket_echo: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void listen_no_more(struct conn *conn) {
    if (!conn->place)
        return;
    struct conn *last = listeners[--push.listeners];
    listeners[conn->place - 1] = last;
    last->place = conn->place;
    conn->place = 0;
}

static void end(struct conn *conn) {
    listen_no_more(conn);
    count.open -= conn->open;
    close(conn->fd);
    free(conn->kept);
    free(conn->owed);
    free(conn);
}

static bool append(uint8_t **where, size_t *total, const uint8_t *bytes, size_t n) {
    if (!n)
        return true;
    uint8_t *room = realloc(*where, *total + n);
    if (!room)
        return false;
    memcpy(room + *total, bytes, n);
    *where = room;
    *total += n;
    return true;
}

/* Returns false when the connection is gone. */
static bool send_all(struct conn *conn, const uint8_t *bytes, size_t n) {
    if (!conn->owed_bytes && n) {
        ssize_t sent = send(conn->fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return false;
        if (sent > 0)
            bytes += sent, n -= (size_t)sent;
    }
    return append(&conn->owed, &conn->owed_bytes, bytes, n);
}

static bool send_owed(struct conn *conn) {
    if (!conn->owed_bytes)
        return true;
    ssize_t sent = send(conn->fd, conn->owed, conn->owed_bytes, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN;
    conn->owed_bytes -= (size_t)sent;
    memmove(conn->owed, conn->owed + sent, conn->owed_bytes);
    return true;
}

/* Returns the bytes of the head, 0 when its end is not there, -1 when it is no handshake. */
static ssize_t handshake(struct conn *conn, const uint8_t *bytes, size_t n) {
    const uint8_t *blank = memmem(bytes, n, "\r\n\r\n", 4);
    if (!blank)
        return 0;
    const char *field = memmem(bytes, n, "Sec-WebSocket-Key: ", 19);
    if (!field || (const uint8_t *)field + 19 + 24 > blank + 2)
        return -1;
    char joined[24 + 36 + 1];
    memcpy(joined, field + 19, 24);
    strcpy(joined + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    uint8_t digest[SHA_DIGEST_LENGTH], accept[29];
    SHA1((const uint8_t *)joined, 60, digest);
    EVP_EncodeBlock(accept, digest, SHA_DIGEST_LENGTH);
    char answer[256];
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
    if (!send_all(conn, (const uint8_t *)answer, (size_t)length))
        return -1;
    conn->open = true;
    count.opened++;
    count.open++;
    return blank + 4 - bytes;
}

static void put_header(uint8_t first, size_t n) {
    out[out_bytes++] = first;
    if (n < 126) {
        out[out_bytes++] = (uint8_t)n;
    } else {
        out[out_bytes++] = 126;
        out[out_bytes++] = (uint8_t)(n >> 8);
        out[out_bytes++] = (uint8_t)n;
    }
}

static void start_pushing(struct conn *conn) {
    if (conn->place || conn->pushed || push.listeners == LISTENERS_MAX)
        return;
    conn->last_ns = now_ns();
    if (!push.listeners)
        push.begun_ns = conn->last_ns, push.sent = 0;
    listeners[push.listeners++] = conn;
    conn->place = push.listeners;
}

/* Echo one frame of at most 64 KiB; returns its bytes, 0 when they are not all there, -1: refused. */
static ssize_t echo(struct conn *conn, const uint8_t *bytes, size_t n) {
    if (n < 6)
        return 0;
    size_t length = bytes[1] & 127, header = 2;
    if (!(bytes[1] & 128) || length == 127)
        return -1;
    if (length == 126) {
        length = (size_t)bytes[2] << 8 | bytes[3];
        header = 4;
    }
    if (n < header + 4 + length)
        return 0;
    const uint8_t *key = bytes + header, *masked = key + 4;
    uint8_t opcode = bytes[0] & 15;
    if (push.rate && opcode < 8) {
        start_pushing(conn);
    } else if (opcode != 10) {
        put_header(opcode == 9 ? (uint8_t)((bytes[0] & 0xF0) | 10) : bytes[0], length);
        for (size_t i = 0; i < length; i++)
            out[out_bytes + i] = masked[i] ^ key[i & 3];
        out_bytes += length;
    }
    if (opcode == 8)
        conn->ending = true;
    count.messages += !push.rate && opcode < 8 && bytes[0] & 128;
    return (ssize_t)(header + 4 + length);
}

/* Returns false when the connection is gone. */
static bool take(struct conn *conn, size_t n) {
    size_t at = 0;
    out_bytes = 0;
    while (at < n && !conn->ending) {
        ssize_t took = conn->open ? echo(conn, in + at, n - at) : handshake(conn, in + at, n - at);
        if (took < 0)
            return false;
        if (took == 0)
            break;
        at += (size_t)took;
        if (out_bytes > READ_BYTES / 2) {
            if (!send_all(conn, out, out_bytes))
                return false;
            out_bytes = 0;
        }
    }
    if (!send_all(conn, out, out_bytes) || conn->ending)
        return false;
    return append(&conn->kept, &conn->kept_bytes, in + at, n - at);
}

static void serve(struct conn *conn) {
    bool alive = send_owed(conn);
    while (alive) {
        size_t before = conn->kept_bytes;
        if (before > READ_BYTES + HEADER_BYTES) {
            alive = false;
            break;
        }
        if (before)
            memcpy(in, conn->kept, before);
        ssize_t n = recv(conn->fd, in + before, READ_BYTES - HEADER_BYTES, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            break;
        conn->kept_bytes = 0;
        alive = take(conn, before + (size_t)n);
        if (alive && !conn->kept_bytes && conn->kept) {
            free(conn->kept);
            conn->kept = NULL;
        }
        if (alive && (size_t)n < READ_BYTES - HEADER_BYTES)
            return;
    }
    end(conn);
}

static void admit(void) {
    const int one = 1;
    int fd;
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *conn = calloc(1, sizeof *conn);
        if (!conn)
            die("calloc");
        conn->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = conn};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
            die("epoll_ctl");
    }
}

/* Send what is due by now, one listener after another. */
static void push_due(void) {
    uint64_t now = now_ns();
    uint64_t due = push.listeners ? (now - push.begun_ns) * push.rate / 1000000000 : 0;
    while (push.sent < due && push.listeners) {
        push.next = push.next < push.listeners ? push.next : 0;
        struct conn *conn = listeners[push.next++];
        uint8_t message[2 + STAMP_BYTES + 1] = {0x81, STAMP_BYTES};
        now = now_ns();
        snprintf((char *)message + 2, STAMP_BYTES + 1, "%026lu", now);
        push.sent++;
        if (!send_all(conn, message, 2 + STAMP_BYTES)) {
            listen_no_more(conn);
            continue;
        }
        count.messages++;
        if (push.gaps < GAPS_MAX)
            push.us[push.gaps++] = (uint32_t)((now - conn->last_ns) / 1000);
        conn->last_ns = now;
        if (++conn->pushed == push.each)
            listen_no_more(conn);
    }
}

static int by_length(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static uint32_t p99_us(void) {
    if (!push.gaps)
        return 0;
    qsort(push.us, push.gaps, sizeof *push.us, by_length);
    return push.us[(push.gaps * 99 + 99) / 100 - 1];
}

static void start_ticking(const char *rate, const char *each) {
    struct itimerspec ticks = {{0, TICK_NS}, {0, TICK_NS}};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &timer_fd};
    push.rate = strtoul(rate, NULL, 10);
    push.each = strtoul(each, NULL, 10);
    push.us = malloc(GAPS_MAX * sizeof *push.us);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (!push.rate || !push.each || !push.us || timer_fd < 0 ||
        timerfd_settime(timer_fd, 0, &ticks, NULL) < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event) < 0)
        die("push");
}

static void listen_on_any_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&address, length) < 0 ||
        listen(listen_fd, BACKLOG) < 0 ||
        getsockname(listen_fd, (struct sockaddr *)&address, &length) < 0)
        die("listen");
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv) {
    static struct epoll_event events[EVENTS_MAX];
    struct rlimit files;
    sigset_t signals;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_on_any_port();
    struct epoll_event of_listener = {.events = EPOLLIN, .data.ptr = &listen_fd};
    struct epoll_event of_signals = {.events = EPOLLIN, .data.ptr = &signal_fd};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &of_listener) < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, signal_fd, &of_signals) < 0)
        die("epoll_ctl");
    if (argc == 3)
        start_ticking(argv[1], argv[2]);
    for (;;) {
        int ready = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == &listen_fd) {
                admit();
            } else if (events[i].data.ptr == &signal_fd) {
                printf("messages %lu opened %lu open %lu p99_us %u\n", count.messages, count.opened,
                       count.open, p99_us());
                return 0;
            } else if (events[i].data.ptr == &timer_fd) {
                uint64_t ticks;
                if (read(timer_fd, &ticks, sizeof ticks) > 0)
                    push_due();
            } else {
                serve(events[i].data.ptr);
            }
        }
    }
}
