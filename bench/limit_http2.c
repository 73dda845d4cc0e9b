/* The physical limit of HTTP/2: a client that only receives and sends, as bench/limit.c.
 *
 * It parses nothing of an answer: what came on a connection, divided by the known size of one, is
 * how many requests go next, in one send. Against bench/fixed_http2.c only.
 *
 *     limit_http2 PORT CONNECTIONS STREAMS SECONDS [ANSWER_BYTES, default 72]
 *
 * prints "requests seconds req/s cpu_us_per_request"; CPU is the whole process's.
 */
#define PROGRAM "limit_http2"
#include "sending.h"

enum { CONNECTIONS_MAX = 4096, STREAMS_MAX = 1000 };

struct conn {
    int fd;
    uint32_t next_id;
    size_t got_bytes;      /* of the answers under way */
};

/* GET http / with an authority of 127.0.0.1: three indexed fields and one literal. */
static const uint8_t request[] = {0, 0, 14, 1, 5, 0, 0, 0, 0, 0x82, 0x86, 0x84, 0x01, 0x09,
                                  '1', '2', '7', '.', '0', '.', '0', '.', '1'};
/* SETTINGS: no push, windows of 2^31-1; WINDOW_UPDATE of the connection. */
static const char preface[] =
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x0c\4\0\0\0\0\0\0\2\0\0\0\0\0\4\x7f\xff\xff\xff"
    "\0\0\4\x08\0\0\0\0\0\x7f\xff\0\0";
enum { GREETING_BYTES = 18 };  /* the server's SETTINGS, and its acknowledgement of ours */

static uint8_t out[STREAMS_MAX * sizeof request];
static size_t answer_bytes = 72;

static void greet(int fd) {
    if (send(fd, preface, sizeof preface - 1, MSG_NOSIGNAL) != sizeof preface - 1)
        die("send");
    for (size_t got = 0; got < GREETING_BYTES;) {
        ssize_t n = recv(fd, buffer, GREETING_BYTES - got, 0);
        if (n <= 0)
            die("recv: no settings");
        got += (size_t)n;
    }
}

static void send_requests(struct conn *conn, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint8_t *at = out + i * sizeof request;
        uint32_t id = htonl(conn->next_id);
        memcpy(at, request, sizeof request);
        memcpy(at + 5, &id, 4);
        conn->next_id += 2;
    }
    if (send(conn->fd, out, n * sizeof request, MSG_NOSIGNAL) != (ssize_t)(n * sizeof request))
        die("send");
}

/* Returns how many answers ended. */
static uint64_t drain(struct conn *conn) {
    ssize_t n = recv(conn->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0)
        die("recv: the server closed a connection");
    conn->got_bytes += (size_t)n;
    size_t done = conn->got_bytes / answer_bytes;
    conn->got_bytes %= answer_bytes;
    if (done > STREAMS_MAX)
        die("more answers than requests");
    if (done)
        send_requests(conn, done);
    return done;
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fputs("usage: limit_http2 PORT CONNECTIONS STREAMS SECONDS [ANSWER_BYTES]\n", stderr);
        return 1;
    }
    uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    long connections = strtol(argv[2], NULL, 10), streams = strtol(argv[3], NULL, 10);
    double seconds = strtod(argv[4], NULL);
    if (argc > 5)
        answer_bytes = strtoul(argv[5], NULL, 10);
    if (connections < 1 || connections > CONNECTIONS_MAX || streams < 1 || streams > STREAMS_MAX ||
        !answer_bytes)
        die("bad arguments");
    int epoll_fd = begin();
    struct conn *conns = calloc((size_t)connections, sizeof *conns);
    if (!conns)
        die("start");
    for (long i = 0; i < connections; i++) {
        conns[i].fd = connect_to(port);
        conns[i].next_id = 1;
        greet(conns[i].fd);
        watch(epoll_fd, conns[i].fd, &conns[i]);
    }
    double start_s = now_s();
    for (long i = 0; i < connections; i++)
        send_requests(&conns[i], (size_t)streams);
    load(epoll_fd, start_s, seconds);
    return 0;
}
