/* A fixed-answer HTTP/2 server, made so that it is never the bottleneck of a benchmark.
 *
 * 1. Without TLS, HTTP/2 is spoken at once (RFC 9113 3.3); the rest is as in serving.h.
 * 2. Each request, ended by END_STREAM on HEADERS or DATA, is answered with the same head and a
 *    body of 38 bytes, as bench/server.c does: 72 bytes, of which only the stream's number differs.
 *    Nothing of a request is decoded, and the head refers to no table, so any client reads it.
 * 3. Out of contract: the client's windows (38 bytes of each are used) and settings.
 * 4. The first line printed is the port; on SIGTERM the last one is
 *    "answered N connections N".
 */
#define PROGRAM "fixed_http2"
#include "serving.h"

enum { PREFACE_BYTES = 24, HEADER_BYTES = 9, UNSENT_MAX = 1 << 22 };
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

static uint64_t answered;

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
        answered++;
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

static struct conn *conn_open(int fd) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (conn) {
        conn->fd = fd;
        conn->preface_left = PREFACE_BYTES;
    }
    return conn;
}

static void conn_close(struct conn *conn) {
    close(conn->fd);
    free(conn->out);
    free(conn);
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
    serve((uint16_t)port, false);
    printf("answered %lu connections %lu\n", answered, connections);
    return 0;
}
