/* The physical limit: a client that only receives and sends.
 *
 * It parses nothing, times nothing and checks nothing but a byte count, so what it reaches is what
 * the kernel's TCP path allows one core. Each connection is registered once, edge-triggered; an
 * answer of the known size is followed at once by the next request, without an epoll_ctl.
 *
 *     limit PORT CONNECTIONS SECONDS [ANSWER_BYTES, default 127] [PATH, default /] [MESSAGE_BYTES]
 *
 * prints "requests seconds req/s cpu_us_per_request"; CPU is the whole process's, start-up
 * included. The server is on 127.0.0.1. With MESSAGE_BYTES each connection opens a WebSocket first;
 * what it sends then is one masked frame of so many bytes, at most 125, made beforehand.
 */
#define PROGRAM "limit"
#include "sending.h"

enum { CONNECTIONS_MAX = 1 << 17 };

struct conn {
    int fd;
    size_t got_bytes;      /* of the answer under way */
};

static struct { char bytes[1024]; size_t total; } request;
static size_t answer_bytes = 127;

static void send_request(const struct conn *conn) {
    if (send(conn->fd, request.bytes, request.total, MSG_NOSIGNAL) != (ssize_t)request.total)
        die("send");
}

/* Opens a WebSocket: the answer's head is all that comes. */
static void upgrade(const struct conn *conn, const char *path) {
    char head[1024];
    int n = snprintf(head, sizeof head,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\n\r\n", path);
    if (send(conn->fd, head, (size_t)n, MSG_NOSIGNAL) != n)
        die("send");
    size_t got = 0;
    while (got < 4 || memcmp(buffer + got - 4, "\r\n\r\n", 4) != 0) {
        ssize_t more = recv(conn->fd, buffer + got, 1, 0);
        if (more <= 0)
            die("recv: no handshake");
        got++;
    }
    if (memcmp(buffer, "HTTP/1.1 101", 12) != 0)
        die("the handshake was refused");
}

static void frame(size_t message_bytes) {
    request.bytes[0] = (char)0x81;
    request.bytes[1] = (char)(0x80 | message_bytes);
    memcpy(request.bytes + 2, "\x12\x34\x56\x78", 4);
    for (size_t i = 0; i < message_bytes; i++)
        request.bytes[6 + i] = (char)('x' ^ request.bytes[2 + i % 4]);
    request.total = 6 + message_bytes;
}

/* Returns how many answers ended. */
static uint64_t drain(struct conn *conn) {
    uint64_t done = 0;
    for (;;) {
        size_t room = sizeof buffer;
        ssize_t n = recv(conn->fd, buffer, room, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return done;
        if (n <= 0)
            die("recv: the server closed a connection");
        conn->got_bytes += (size_t)n;
        if (conn->got_bytes > answer_bytes)
            die("answer longer than ANSWER_BYTES");
        if (conn->got_bytes == answer_bytes) {
            conn->got_bytes = 0;
            done++;
            send_request(conn);
            return done;           /* nothing more can be there before the next answer */
        }
        if ((size_t)n < room)
            return done;           /* what comes later raises a new edge */
    }
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fputs("usage: limit PORT CONNECTIONS SECONDS [ANSWER_BYTES] [PATH] [MESSAGE_BYTES]\n", stderr);
        return 1;
    }
    uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    long connections = strtol(argv[2], NULL, 10);
    double seconds = strtod(argv[3], NULL);
    if (argc > 4)
        answer_bytes = strtoul(argv[4], NULL, 10);
    size_t message_bytes = argc > 6 ? strtoul(argv[6], NULL, 10) : 0;
    if (connections < 1 || connections > CONNECTIONS_MAX || !answer_bytes || message_bytes > 125)
        die("bad arguments");
    request.total = (size_t)snprintf(request.bytes, sizeof request.bytes,
                                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
                                     argc > 5 ? argv[5] : "/", port);
    int epoll_fd = begin();
    struct conn *conns = calloc((size_t)connections, sizeof *conns);
    if (!conns)
        die("start");
    for (long i = 0; i < connections; i++) {
        conns[i].fd = connect_to(port);
        if (message_bytes)
            upgrade(&conns[i], argv[5]);
        watch(epoll_fd, conns[i].fd, &conns[i]);
    }
    if (message_bytes)
        frame(message_bytes);
    double start_s = now_s();
    for (long i = 0; i < connections; i++)
        send_request(&conns[i]);
    load(epoll_fd, start_s, seconds);
    return 0;
}
