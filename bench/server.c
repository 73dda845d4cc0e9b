/* A fixed-answer HTTP/1.1 server, made so that it is never the bottleneck of a benchmark.
 *
 * 1. A request costs one recv and one send: see serving.h.
 * 2. A request ends at its blank line (RFC 9112 2.1); POST, PUT and PATCH bodies are skipped by
 *    their Content-Length. HEAD and chunked uploads are outside the contract.
 * 3. All answers are the same, so what a client is owed is a byte count into an endless repetition
 *    of one. Requests that arrive together are answered together; nothing more is read from a
 *    client that does not take its answers.
 * 4. The first line printed is the port; with --count the last one, on
 *    SIGTERM or SIGINT, is "read N answered N connections N".
 */
#define PROGRAM "server"
#include "serving.h"

enum { REPEAT_BYTES = 1 << 16 };

struct conn {
    int fd;
    char *head;            /* the start of a request whose blank line is still to come */
    size_t head_bytes;
    uint64_t body_left;    /* request body bytes still to skip */
    uint64_t owed_bytes;   /* answer bytes still to send */
    size_t sent;           /* position within the current answer */
};

/* bytes holds the answer at least once, and several times over when it is small. */
static struct { char *bytes; size_t bytes_total, bytes_each; } answer;
static struct { uint64_t read, answered; } count;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void answer_init(size_t body_bytes, const char *text) {
    char *head;
    size_t head_bytes = (size_t)asprintf(
        &head, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\n"
               "Content-Length: %zu\r\n\r\n", body_bytes);
    answer.bytes_each = head_bytes + body_bytes;
    size_t copies = REPEAT_BYTES / answer.bytes_each + 1;
    answer.bytes_total = copies * answer.bytes_each;
    if (!(answer.bytes = malloc(answer.bytes_total)))
        die("malloc");
    for (size_t i = 0; i < copies; i++) {
        char *at = answer.bytes + i * answer.bytes_each;
        memcpy(at, head, head_bytes);
        if (text)
            memcpy(at + head_bytes, text, body_bytes);
        else
            memset(at + head_bytes, 'x', body_bytes);
    }
    free(head);
}

/* Returns false when the connection broke. */
static bool conn_send(struct conn *conn) {
    while (conn->owed_bytes) {
        size_t chunk = smaller(answer.bytes_total - conn->sent, conn->owed_bytes);
        ssize_t n = send(conn->fd, answer.bytes + conn->sent, chunk, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN;
        conn->owed_bytes -= (uint64_t)n;
        conn->sent += (size_t)n;
        count.answered += conn->sent / answer.bytes_each;
        conn->sent %= answer.bytes_each;
    }
    return true;
}

static uint64_t body_length(const char *head, const char *end) {
    static const char name[] = "\ncontent-length:";
    for (const char *at = head; *head == 'P' && (at = memchr(at, '\n', (size_t)(end - at))); at++)
        if (strncasecmp(at, name, sizeof name - 1) == 0)
            return strtoull(at + sizeof name - 1, NULL, 10);
    return 0;
}

/* Counts the requests that end in data; returns how many bytes of it were used up. */
static size_t conn_parse(struct conn *conn, const char *data, size_t bytes) {
    size_t used = 0;
    while (used < bytes) {
        if (conn->body_left) {
            size_t skip = smaller(bytes - used, conn->body_left);
            conn->body_left -= skip;
            used += skip;
        } else {
            const char *blank = memmem(data + used, bytes - used, "\r\n\r\n", 4);
            if (!blank)
                return used;
            conn->body_left = body_length(data + used, blank);
            used = (size_t)(blank - data) + 4;
        }
        if (!conn->body_left) {
            count.read++;
            conn->owed_bytes += answer.bytes_each;
        }
    }
    return used;
}

/* Returns false when the request head is too long to be kept. */
static bool conn_keep(struct conn *conn, const char *data, size_t bytes) {
    if (bytes >= READ_BYTES)
        return false;
    if (bytes && !conn->head && !(conn->head = malloc(READ_BYTES)))
        die("malloc");
    if (bytes)
        memcpy(conn->head, data, bytes);
    conn->head_bytes = bytes;
    return true;
}

/* Returns false when the connection is over. */
static bool conn_serve(struct conn *conn, bool hangup) {
    static char buffer[2 * READ_BYTES];
    for (;;) {
        if (!conn_send(conn))
            return false;
        if (conn->owed_bytes)
            return true;
        if (conn->head_bytes)
            memcpy(buffer, conn->head, conn->head_bytes);
        ssize_t n = recv(conn->fd, buffer + conn->head_bytes, READ_BYTES, 0);
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        size_t bytes = conn->head_bytes + (size_t)n;
        size_t used = conn_parse(conn, buffer, bytes);
        if (!conn_keep(conn, buffer + used, bytes - used))
            return false;
        if (n < READ_BYTES && !hangup)   /* what comes later raises a new edge */
            return conn_send(conn);
    }
}

static struct conn *conn_open(int fd) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (conn)
        conn->fd = fd;
    return conn;
}

static void conn_close(struct conn *conn) {
    close(conn->fd);
    free(conn->head);
    free(conn);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'}, {"body", required_argument, NULL, 'b'},
        {"text", required_argument, NULL, 't'},
        {"reuseport", no_argument, NULL, 'r'}, {"count", no_argument, NULL, 'c'}, {0}};
    unsigned long port = 8080, body_bytes = 38;   /* 38 makes an answer of 127 bytes */
    const char *text = NULL;
    bool reuseport = false, print_count = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p': port = strtoul(optarg, NULL, 10); break;
        case 'b': body_bytes = strtoul(optarg, NULL, 10); break;
        case 't': text = optarg; body_bytes = strlen(text); break;
        case 'r': reuseport = true; break;
        case 'c': print_count = true; break;
        default:
            fputs("usage: server [--port N] [--body BYTES | --text BODY] [--reuseport] [--count]\n",
                  stderr);
            return 1;
        }
    }
    answer_init(body_bytes, text);
    serve((uint16_t)port, reuseport);
    if (print_count)
        printf("read %lu answered %lu connections %lu\n", count.read, count.answered,
               connections);
    return 0;
}
