/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* libmicrohttpd as a scripted server. */
#include "server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "support/pki.h"

/* A body that ends before its announced length. */
struct cut_body {
    const char *data;
    size_t length;
};

static ssize_t read_cut(void *context, uint64_t position, char *buffer, size_t max)
{
    const struct cut_body *cut = context;
    if (position >= cut->length)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t left = cut->length - (size_t)position;
    size_t count = left < max ? left : max;
    memcpy(buffer, cut->data + position, count);
    return (ssize_t)count;
}

static enum MHD_Result send_bytes(struct MHD_Connection *connection, unsigned status,
                                  struct MHD_Response *response)
{
    ck_assert_ptr_nonnull(response);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Response *make_whole(const char *data, size_t length)
{
    return MHD_create_response_from_buffer(length, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *make_cut(const char *data, size_t announced, size_t sent)
{
    struct cut_body *cut = malloc(sizeof *cut);
    ck_assert_ptr_nonnull(cut);
    *cut = (struct cut_body){.data = data, .length = sent};
    return MHD_create_response_from_callback(announced, 1024, read_cut, cut, free);
}

/* ---- scripted answers ---- */

static enum MHD_Result send_answer(struct MHD_Connection *connection,
                                   const struct server_answer *answer)
{
    if (answer->manner == SERVER_CLOSE)
        return MHD_NO;
    size_t length = answer->body_length > 0 ? answer->body_length : strlen(answer->body);
    struct MHD_Response *response = answer->manner == SERVER_CUT
                                        ? make_cut(answer->body, length, length / 2)
                                        : make_whole(answer->body, length);
    if (answer->retry_after != NULL)
        (void)MHD_add_response_header(response, "Retry-After", answer->retry_after);
    return send_bytes(connection, answer->status, response);
}

/* ---- an image by ranges ---- */

static enum MHD_Result send_content(struct server *server, struct MHD_Connection *connection,
                                    const struct server_request *request, bool is_first)
{
    size_t from = 0;
    char header[96];
    struct MHD_Response *response = NULL;
    bool is_part = !server->ignores_ranges && sscanf(request->range, "bytes=%zu-", &from) == 1;
    if (is_part && from >= server->content_length)
        return send_bytes(connection, 416, make_whole("", 0));
    if (!is_part)
        from = 0;
    else if (server->shifts_ranges)
        from++;
    const char *data = server->content + from;
    size_t length = server->content_length - from;
    if (is_first && server->content_cut > 0)
        response = make_cut(data, length, server->content_cut);
    else
        response = make_whole(data, length);
    (void)snprintf(header, sizeof header, "bytes %zu-%zu/%zu", from, server->content_length - 1,
                   server->content_length);
    if (is_part)
        (void)MHD_add_response_header(response, "Content-Range", header);
    return send_bytes(connection, is_part ? 206 : 200, response);
}

/* ---- requests ---- */

static bool client_has_certificate(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned count = 0;
    (void)gnutls_certificate_get_peers(info->tls_session, &count);
    return count > 0;
}

static enum MHD_Result note_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct server_request *request = context;
    size_t used = strlen(request->query);
    (void)kind;
    (void)snprintf(request->query + used, sizeof request->query - used, "%s%s=%s",
                   used > 0 ? "&" : "", name, value != NULL ? value : "");
    return MHD_YES;
}

/* The first call of a request: its note, which the following calls fill. */
static void note_request(struct server *server, struct MHD_Connection *connection, const char *url,
                         const char *method, void **context)
{
    ck_assert_uint_lt(server->request_count, SERVER_REQUESTS_MAX);
    struct server_request *request = &server->requests[server->request_count++];
    const char *range = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Range");
    const char *media_type =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
    (void)snprintf(request->method, sizeof request->method, "%s", method);
    (void)snprintf(request->url, sizeof request->url, "%s", url);
    (void)snprintf(request->range, sizeof request->range, "%s", range != NULL ? range : "");
    (void)snprintf(request->media_type, sizeof request->media_type, "%s",
                   media_type != NULL ? media_type : "");
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, note_argument, request);
    request->has_certificate = client_has_certificate(connection);
    *context = request;
}

static void append_body(struct server_request *request, const char *data, size_t *size)
{
    ck_assert_uint_lt(request->body_length + *size, sizeof request->body);
    memcpy(request->body + request->body_length, data, *size);
    request->body_length += *size;
    *size = 0;
}

static enum MHD_Result serve(void *context, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_size, void **request_context)
{
    struct server *server = context;
    enum MHD_Result result = MHD_YES;
    (void)version;
    (void)pthread_mutex_lock(&server->lock);
    if (*request_context == NULL) {
        note_request(server, connection, url, method, request_context);
    } else if (*upload_size > 0) {
        append_body(*request_context, upload, upload_size);
    } else {
        size_t index = (size_t)((struct server_request *)*request_context - server->requests);
        size_t last = server->answer_count - 1;
        result = server->content != NULL
                     ? send_content(server, connection, *request_context, index == 0)
                     : send_answer(connection, &server->answers[index < last ? index : last]);
    }
    (void)pthread_mutex_unlock(&server->lock);
    return result;
}

/* ---- life ---- */

static void set_file(const struct temp_dir *dir, const char *variable, const char *name)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(dir, name, path);
    ck_assert_int_eq(setenv(variable, path, 1), 0);
}

static void write_station(const struct temp_dir *dir, const struct pki *root)
{
    char path[TEMP_PATH_MAX];
    struct pki *station = pki_client(root, "station-7");
    temp_dir_path(dir, "ca.pem", path);
    pki_write_certificate(root, path);
    temp_dir_path(dir, "station.pem", path);
    pki_write_certificate(station, path);
    temp_dir_path(dir, "station.key", path);
    pki_write_key(station, path);
    pki_free(station);
    set_file(dir, "PROVCTL_CA", "ca.pem");
    set_file(dir, "PROVCTL_CERT", "station.pem");
    set_file(dir, "PROVCTL_KEY", "station.key");
}

void server_start(struct server *server, const struct temp_dir *dir)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct pki *root = pki_root("Test Root");
    struct pki *own = pki_server(root);
    (void)pthread_mutex_init(&server->lock, NULL);
    server->daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, 0, NULL, NULL, serve,
                         server, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_HTTPS_MEM_KEY,
                         pki_key(own), MHD_OPTION_HTTPS_MEM_CERT, pki_certificate(own),
                         MHD_OPTION_HTTPS_MEM_TRUST, pki_certificate(root), MHD_OPTION_END);
    ck_assert_ptr_nonnull(server->daemon);
    (void)snprintf(server->url, sizeof server->url, "https://127.0.0.1:%u",
                   MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    ck_assert_int_eq(setenv("PROVCTL_URL", server->url, 1), 0);
    write_station(dir, root);
    pki_free(own);
    pki_free(root);
}

void server_stop(struct server *server)
{
    MHD_stop_daemon(server->daemon);
    (void)pthread_mutex_destroy(&server->lock);
}

void server_say_how(struct server *server, const struct server_answer *answer)
{
    ck_assert_uint_lt(server->answer_count, SERVER_ANSWERS_MAX);
    server->answers[server->answer_count++] = *answer;
}

void server_say(struct server *server, unsigned status, const char *body)
{
    server_say_how(server, &(struct server_answer){.status = status, .body = body});
}
