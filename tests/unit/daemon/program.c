/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A shell in a folder of the test's own. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "support/pki.h"

#define COMMAND_MAX 2048
#define HOUR_S      3600

struct temp_dir program_dir;
struct site site;
char program_output[PROGRAM_OUTPUT_MAX];

/* ---- the site ---- */

static void write_pki(const struct pki *pki, const char *name)
{
    char path[TEMP_PATH_MAX];
    char file[64];
    (void)snprintf(file, sizeof file, "%s.pem", name);
    temp_dir_path(&program_dir, file, path);
    pki_write_certificate(pki, path);
    (void)snprintf(file, sizeof file, "%s.key", name);
    temp_dir_path(&program_dir, file, path);
    pki_write_key(pki, path);
}

static void make_pki(void)
{
    struct pki *ca = pki_root("Stations");
    struct pki *server = pki_server(ca);
    struct pki *other = pki_server(ca);
    struct pki *expired =
        pki_new(ca, &(struct pki_options){.name = "localhost", .not_after = time(NULL) - HOUR_S});
    write_pki(ca, "ca");
    write_pki(server, "server");
    write_pki(other, "other");
    write_pki(expired, "expired");
    pki_free(expired);
    pki_free(other);
    pki_free(server);
    pki_free(ca);
}

static void put_path(FILE *file, const char *key, const char *path)
{
    if (path == NULL)
        return;
    (void)fprintf(file, "%s = %s%s%s\n", key, path[0] == '/' ? "" : program_dir.path,
                  path[0] == '/' ? "" : "/", path);
}

void program_write_site(void)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&program_dir, "conf", path);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    (void)fputs("[hsm]\ntoken = rig\n", file);
    put_path(file, "module", site.module);
    put_path(file, "socket", "hsm.sock");
    (void)fputs("[vault]\n", file);
    put_path(file, "socket", "station.sock");
    put_path(file, "admin_socket", "admin.sock");
    put_path(file, "ledger", site.ledger);
    put_path(file, "images", site.images);
    (void)fprintf(file, "[api]\nlisten = %s\n", site.listen);
    put_path(file, "certificate", site.certificate);
    put_path(file, "key", site.key);
    put_path(file, "client_ca", site.client_ca);
    (void)fprintf(file, "%s\n", site.more);
    ck_assert_int_eq(fclose(file), 0);
}

void program_set_up(void)
{
    temp_dir_make(&program_dir);
    make_pki();
    site = (struct site){.module = "server.pem", /* any file: nobody loads it here */
                         .ledger = "vault/ledger.db",
                         .images = "vault/images",
                         .listen = "127.0.0.1:0",
                         .certificate = "server.pem",
                         .key = "server.key",
                         .client_ca = "ca.pem",
                         .more = ""};
    program_write_site();
    ck_assert_int_eq(program_run("mkdir vault && cp $BIN/provision-vault . && chmod 711 ."), 0);
}

void program_tear_down(void)
{
    temp_dir_remove(&program_dir);
}

/* ---- runs ---- */

static void read_output(void)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&program_dir, "output", path);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(program_output, 1, sizeof program_output - 1, file);
    program_output[length] = '\0';
    (void)fclose(file);
}

int program_run(const char *command)
{
    char text[COMMAND_MAX];
    const char *bin = getenv("PROVISIOND_BIN");
    const char *nobody = geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups" : "";
    int length = snprintf(text, sizeof text,
                          "cd %s && BIN=%s AS_NOBODY='%s'; exec >output 2>&1 </dev/null; %s",
                          program_dir.path, bin != NULL ? bin : ".", nobody, command);
    ck_assert_int_lt(length, COMMAND_MAX);
    int status = system(text);
    read_output();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

unsigned program_count(const char *text)
{
    unsigned count = 0;
    for (const char *at = program_output; (at = strstr(at, text)) != NULL; at += strlen(text))
        count++;
    return count;
}
