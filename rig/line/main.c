/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rig-line: a factory line on one machine. It makes chips, puts them into sockets, throws faults
 * at them while a station installs the firmware, and closes with an account.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include "rig/line/state.h"
#include "rig/station/control.h"

#define EXIT_FAILED      1
#define EXIT_QUOTA       10
#define EXIT_USAGE       64
#define EXIT_INTERRUPTED 130
#define SOCKET_NAME_MAX  14 /* "/99-ffff.sock" */

/* ---- the folder ---- */

/* Socket paths are short: a deep folder gets its sockets elsewhere. */
static bool make_socket_dir(struct line *line)
{
    int n = snprintf(line->socket_dir, sizeof line->socket_dir, "%s/sockets", line->dir);
    if (n + SOCKET_NAME_MAX < LINE_SOCKET_MAX)
        return mkdir(line->socket_dir, 0700) == 0 || errno == EEXIST;
    line->has_own_socket_dir = true;
    (void)snprintf(line->socket_dir, sizeof line->socket_dir, "/tmp/rig-line.XXXXXX");
    return mkdtemp(line->socket_dir) != NULL;
}

/* The key of a maker that the product does not know. */
static bool make_other_maker(const struct line *line)
{
    char path[LINE_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/other-maker.key", line->dir);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *file = fopen(path, "we");
    bool is_written = key != NULL && file != NULL &&
                      PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    EVP_PKEY_free(key);
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    return is_written;
}

static bool fill_folder(struct line *line)
{
    char path[LINE_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/log", line->dir);
    line->log = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return line->log >= 0 && make_socket_dir(line) && make_other_maker(line);
}

/* False after a complaint. */
static bool make_folder(struct line *line)
{
    char path[LINE_PATH_MAX + 32];
    if (strlen(line->options.dir) >= LINE_PATH_MAX - 64) {
        line_complain("the path of --dir is too long");
        return false;
    }
    (void)snprintf(line->dir, sizeof line->dir, "%s", line->options.dir);
    (void)snprintf(path, sizeof path, "%s/chips", line->dir);
    bool is_made = mkdir(line->dir, 0700) == 0 || errno == EEXIST;
    is_made = is_made && mkdir(path, 0700) == 0;
    if (!is_made && errno == EEXIST)
        line_complain("%s holds chips already; choose another folder", line->dir);
    else if (!is_made || !fill_folder(line))
        line_complain("%s cannot be used: %s", line->dir, strerror(errno));
    else
        return true;
    return false;
}

/* ---- the end ---- */

static void clear(struct line *line)
{
    (void)rmdir(line->socket_dir);
    if (line->log >= 0)
        (void)close(line->log);
    free(line->chips);
}

static int close_line(struct line *line)
{
    unsigned installed = line->counts.fates[LINE_SUCCEEDED];
    bool holds = !line->is_interrupted && line_account_close(line);
    if (line->is_interrupted) {
        line_complain("interrupted: %u chip%s installed, nothing runs any more", installed,
                      installed == 1 ? "" : "s");
        return EXIT_INTERRUPTED;
    }
    if (line->is_broken || !holds)
        return EXIT_FAILED;
    if (line->counts.fates[LINE_NO_QUOTA] > 0) {
        (void)printf("\n  the quota is spent: %u chips wait, and the line stands still\n",
                     line->counts.fates[LINE_NO_QUOTA]);
        return EXIT_QUOTA;
    }
    return 0;
}

static int run(struct line *line)
{
    /* First, so that a wrong product leaves no folder behind. */
    if (!line_account_read(line, line->options.rest.retry_ms, &line->before))
        return EXIT_FAILED;
    if (!make_folder(line) || line_roster_make(line) != ERR_OK)
        return EXIT_FAILED;
    line->granted = line->before.granted;
    line->remaining = line->before.remaining;
    line_run(line);
    return close_line(line);
}

int main(int argc, char **argv)
{
    static struct line line = {.log = -1, .granted = -1, .remaining = -1};
    line.station.process = LINE_PROCESS_NONE;
    line.helper = LINE_PROCESS_NONE;
    if (!line_options_read(argc, argv, &line.options))
        return EXIT_USAGE;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || station_control_init(0) != ERR_OK)
        return EXIT_FAILED;
    int code = run(&line);
    clear(&line);
    curl_global_cleanup();
    return code;
}
