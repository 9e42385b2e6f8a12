// The floor of the benchmarks: what a single-threaded HTTP server on this machine costs when it does
// nothing. It reads, and for each read that ends in an empty line it writes one fixed answer. Left out on
// purpose: parsing, routing, timeouts, pipelining, partial writes. It also plays the small upstream that
// all gateways are measured against.
//
// usage: floor PORT

#define _GNU_SOURCE // accept4

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { events_max = 512, read_bytes_max = 16384, backlog_max = 16384 };

// The same headers and body as a real answer, so that the kernel and wrk do the same work for it.
static const char answer[] = "HTTP/1.1 200 OK\r\n"
                             "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                             "Content-Type: application/json\r\n"
                             "Content-Length: 26\r\n"
                             "\r\n"
                             "{\"message\":\"Hello World!\"}";

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int listen_on(uint16_t port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int yes = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0) die("setsockopt");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  if (listen(fd, backlog_max) < 0) die("listen");
  return fd;
}

static void watch(int poll_fd, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

static void accept_all(int poll_fd, int listen_fd) {
  int yes = 1;
  int fd;
  while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(poll_fd, fd);
  }
  if (errno != EAGAIN && errno != ECONNABORTED) die("accept4");
}

static bool ends_request(const char *bytes, ssize_t length) {
  return length >= 4 && memcmp(bytes + length - 4, "\r\n\r\n", 4) == 0;
}

// Closing the descriptor also takes it out of the epoll set.
static void serve(int fd) {
  static char bytes[read_bytes_max];
  ssize_t length = read(fd, bytes, sizeof bytes);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0) {
    close(fd);
    return;
  }
  if (!ends_request(bytes, length)) return;
  if (write(fd, answer, sizeof answer - 1) != (ssize_t)sizeof answer - 1) close(fd);
}

static void run(int poll_fd, int listen_fd) {
  struct epoll_event events[events_max];
  for (;;) {
    int count = epoll_wait(poll_fd, events, events_max, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listen_fd) accept_all(poll_fd, listen_fd);
      else serve(events[i].data.fd);
    }
  }
}

int main(int argc, char **argv) {
  int port = argc == 2 ? atoi(argv[1]) : 0;
  if (port < 1 || port > UINT16_MAX) {
    fprintf(stderr, "usage: floor PORT\n");
    return 2;
  }
  int listen_fd = listen_on((uint16_t)port);
  int poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (poll_fd < 0) die("epoll_create1");
  watch(poll_fd, listen_fd);
  run(poll_fd, listen_fd);
}
