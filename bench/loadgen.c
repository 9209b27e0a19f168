/* The load generator where there is a C compiler: HTTP/1.1 with keep-alive, one thread, epoll. Same job as bench/client.py,
 * at a tenth of its CPU time, so that the cores belong to what is measured.
 *
 *     loadgen HOST PORT REQUESTS CONNECTIONS SECONDS AGAIN RATE PATIENCE
 *
 * REQUESTS is a file of whole requests, each behind its length in four bytes (big-endian). RATE 0 is a closed loop: each
 * connection sends its next request when its answer is there. With a RATE the loop is open: requests are due at fixed
 * times, and their latency counts from then. A request that finds no free connection waits; PATIENCE seconds after it was
 * due it is given up and counted as unsent (0 = never given up). Answers are counted by kind: 2xx, 503, any other.
 * Latencies are those of the 2xx. The result is one line of JSON on stdout. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAD 8192 /* an answer's head fits; of its body only the length matters */

struct request { const char *bytes; uint32_t length; };
struct connection { int fd; int busy; double due; size_t have; long missing; int status; char head[HEAD + 1]; };

static struct request *requests;
static size_t request_count, next_request;
static struct connection *connections;
static int *idle, idle_count, busy_count, epoll_fd;
static float *latencies;
static size_t latency_count, latency_room, received;
static size_t good, shed, errors, unsent;
static char first_error[400];
static int again;
static struct sockaddr_in address;

static void die(const char *what) { perror(what); exit(1); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void load(const char *path) {
    int fd = open(path, O_RDONLY);
    struct stat about;
    if (fd < 0 || fstat(fd, &about)) die(path);
    char *data = malloc(about.st_size);
    for (off_t at = 0; at < about.st_size;) {
        ssize_t n = read(fd, data + at, about.st_size - at);
        if (n <= 0) die(path);
        at += n;
    }
    close(fd);
    size_t room = 0;
    for (off_t at = 0; at < about.st_size;) {
        uint32_t length;
        memcpy(&length, data + at, 4);
        length = ntohl(length);
        if (request_count == room) requests = realloc(requests, (room = room * 2 + 1024) * sizeof *requests);
        requests[request_count++] = (struct request){data + at + 4, length};
        at += 4 + length;
    }
}

static void fail(const char *what) {
    if (!errors++) snprintf(first_error, sizeof first_error, "%s", what);
}

static void open_connection(int number) {
    struct connection *c = &connections[number];
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address)) die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

/* 1 when a request went out, 0 when none is left. */
static int send_next(struct connection *c, double due) {
    if (next_request == request_count) {
        if (!again) return 0;
        next_request = 0;
    }
    struct request *r = &requests[next_request++];
    c->due = due, c->have = 0, c->missing = -1, c->busy = 1;
    busy_count++;
    if (send(c->fd, r->bytes, r->length, MSG_NOSIGNAL) != (ssize_t)r->length) fail("a request could not be sent");
    return 1;
}

static void answered(struct connection *c) {
    double seconds = now() - c->due;
    c->busy = 0;
    busy_count--;
    if (c->status / 100 == 2) {
        good++;
        if (latency_count == latency_room) latencies = realloc(latencies, (latency_room = latency_room * 2 + 65536) * 4);
        latencies[latency_count++] = seconds;
    } else if (c->status == 503 && strcasestr(c->head, "\nretry-after:")) shed++;
    else fail(c->head);
}

/* What arrived on a connection; 1 when its answer is whole. */
static int receive(struct connection *c) {
    static char rest[65536];
    ssize_t n = c->missing < 0 ? recv(c->fd, c->head + c->have, HEAD - c->have, 0) : recv(c->fd, rest, sizeof rest, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n <= 0) die("connection lost");
    received += n;
    if (c->missing >= 0) c->missing -= n;
    else {
        c->have += n;
        c->head[c->have] = 0;
        char *end = strstr(c->head, "\r\n\r\n");
        if (!end) return 0;
        char *length = strcasestr(c->head, "\ncontent-length:");
        c->status = atoi(c->head + 9);
        c->missing = end + 4 - c->head + (length && length < end ? atol(length + 16) : 0) - (long)c->have;
    }
    return c->missing <= 0;
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
    if (argc != 9) return fprintf(stderr, "loadgen HOST PORT REQUESTS CONNECTIONS SECONDS AGAIN RATE PATIENCE\n"), 2;
    int count = atoi(argv[4]);
    double seconds = atof(argv[5]), rate = atof(argv[7]), patience = atof(argv[8]);
    address.sin_family = AF_INET;
    address.sin_port = htons(atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) die("host");
    again = atoi(argv[6]);
    load(argv[3]);
    epoll_fd = epoll_create1(0);
    connections = calloc(count, sizeof *connections);
    idle = calloc(count, sizeof *idle);
    for (int i = 0; i < count; i++) open_connection(i), idle[idle_count++] = i;
    struct epoll_event events[512];
    double spent = cpu(), began = now(), last = began, stop = began + seconds;
    size_t due = 0, total = rate > 0 ? (size_t)(rate * seconds) : 0; /* how many are due so far, and in all */
    int over = 0;
    while (!over || busy_count) {
        double t = now();
        if (!rate) over = over || t >= stop;
        while (!over && idle_count && (!rate || began + due / rate <= t)) {
            double when = rate ? began + due / rate : t;
            if (rate && patience && t - when > patience) unsent++;
            else if (send_next(&connections[idle[idle_count - 1]], when)) idle_count--;
            else { over = 1; break; }
            if (rate && ++due >= total) over = 1;
        }
        if (rate && t >= stop + patience + 30) break;
        /* Nothing due before the next millisecond: sleep for it, rather than spin on a core that others need. */
        int n = epoll_wait(epoll_fd, events, 512, rate && !over ? 1 : 100);
        for (int i = 0; i < n; i++) {
            int number = events[i].data.u32;
            if (!connections[number].busy) die("the server hung up");
            if (receive(&connections[number])) {
                answered(&connections[number]);
                idle[idle_count++] = number;
                last = now();
            }
        }
        if (t > stop + 60) { fail("no answer within a minute"); break; }
    }
    spent = cpu() - spent;
    qsort(latencies, latency_count, sizeof *latencies, ascending);
    double p50 = latency_count ? latencies[latency_count / 2] : 0, p99 = latency_count ? latencies[latency_count * 99 / 100] : 0;
    double most = latency_count ? latencies[latency_count - 1] : 0;
    for (char *c = first_error; *c; c++) if ((unsigned char)*c < 32 || *c == '"' || *c == '\\' || (unsigned char)*c > 126) *c = ' ';
    printf("{\"requests\":%zu,\"shed\":%zu,\"unsent\":%zu,\"errors\":%zu,\"seconds\":%f,\"p50\":%f,\"p99\":%f,\"most\":%f,"
           "\"bytes\":%zu,\"first_error\":\"%s\",\"cpu\":%f}\n",
           good, shed, unsent, errors, last - began, p50 * 1e3, p99 * 1e3, most * 1e3, received, first_error, spent);
    return 0;
}
