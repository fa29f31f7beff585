/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A TLS server that says what a test wants: whole answers, cut ones, none at all, or an image by
 * ranges. It notes every request. Threads: the test reads the notes after provctl has ended.
 */
#ifndef TESTS_UNIT_CLI_SERVER_H
#define TESTS_UNIT_CLI_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "support/temp_dir.h"

#define SERVER_ANSWERS_MAX  8
#define SERVER_REQUESTS_MAX 64
#define SERVER_BODY_MAX     65536

enum server_manner {
    SERVER_WHOLE, /* the answer as it is */
    SERVER_CUT,   /* half of the body that was announced */
    SERVER_CLOSE  /* the connection is closed without an answer */
};

struct server_answer {
    unsigned status;
    const char *body;
    size_t body_length; /* 0: the length of the text */
    const char *retry_after;
    enum server_manner manner;
};

struct server_request {
    char method[8];
    char url[256];
    char query[512];     /* unescaped, "limit=2&lot=L 1"; "" for none */
    char range[64];      /* "" for none */
    char media_type[64]; /* of the body; "" for none */
    char body[SERVER_BODY_MAX];
    size_t body_length;
    bool has_certificate; /* the client sent one */
};

struct server {
    struct MHD_Daemon *daemon;
    char url[64];
    pthread_mutex_t lock; /* guards what follows while the daemon runs */
    struct server_answer answers[SERVER_ANSWERS_MAX];
    size_t answer_count; /* the last one is repeated */
    size_t request_count;
    struct server_request requests[SERVER_REQUESTS_MAX];
    /* An image; answers are ignored when it is set. */
    const char *content;
    size_t content_length;
    size_t content_cut;  /* the first answer ends after so many bytes; 0: it does not */
    bool ignores_ranges; /* 200 and everything, whatever was asked for */
    bool shifts_ranges;  /* 206 that begins a byte later than was asked for */
};

/*
 * Makes the PKI in dir (ca.pem, station.pem, station.key), sets PROVCTL_URL and its companions, and
 * serves on a free port of 127.0.0.1. Every test has a process of its own, so the environment is.
 */
void server_start(struct server *server, const struct temp_dir *dir);
void server_stop(struct server *server);
/* Appends an answer. */
void server_say(struct server *server, unsigned status, const char *body);
void server_say_how(struct server *server, const struct server_answer *answer);

#endif
