/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The main of provisiond: starts and stops the front end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "api/api.h"
#include "config/config.h"
#include "core/log.h"
#include "daemon/daemon.h"

#define PORT_PATH_SIZE         (CONFIG_PATH_MAX + 8)
#define SPARE_DESCRIPTORS      256 /* beside those of connections: an image each, files, the vault */
#define DESCRIPTORS_PER_CLIENT 2

static const char USAGE[] =
    "Usage: provisiond [--config FILE] [--port-file FILE]\n"
    "The HTTPS front end of the provisioning service.\n"
    "  --config FILE     the configuration (default " CONFIG_DEFAULT_PATH ")\n"
    "  --port-file FILE  write the TCP port that is served to FILE\n"
    "  --version, --help";

static int take_port_file(void *context, int argc, char **argv)
{
    const char **port_file = context;
    if (argc < 2 || strcmp(argv[0], "--port-file") != 0 || strlen(argv[1]) >= CONFIG_PATH_MAX)
        return 0;
    *port_file = argv[1];
    return 2;
}

/* Whoever waits for the file must not read half of it: write beside, then rename. */
static enum error write_port(const char *path, uint16_t port, struct fault *fault)
{
    char beside[PORT_PATH_SIZE];
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "we");
    bool is_written = file != NULL && fprintf(file, "%u\n", (unsigned)port) > 0;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    if (!is_written || rename(beside, path) != 0)
        return fault_set(fault, ERR_CONFIG, "port-file", "The port file cannot be written.", 0);
    return ERR_OK;
}

/* Each connection may hold its socket and an image's descriptor. */
static void raise_descriptor_limit(unsigned connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections * DESCRIPTORS_PER_CLIENT + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        log_event(LOG_LEVEL_WARNING, "few-descriptors",
                  LOG_NUMBER("limit", (int64_t)limit.rlim_cur),
                  LOG_NUMBER("wanted", (int64_t)wanted));
}

static enum error choose_socket(int *ret_fd, struct fault *fault)
{
    int passed = sd_listen_fds(1);
    if (passed < 0 || passed > 1)
        return fault_set(fault, ERR_CONFIG, "passed-sockets",
                         "The service manager must pass one socket or none.", passed);
    *ret_fd = passed == 1 ? SD_LISTEN_FDS_START : -1;
    return ERR_OK;
}

static enum error start(const struct config *config, const char *port_file, struct api **ret_api,
                        struct fault *fault)
{
    int socket = -1;
    struct api *api = NULL;
    raise_descriptor_limit(config->api.connections);
    enum error e = choose_socket(&socket, fault);
    if (e == ERR_OK)
        e = api_new(config, socket, &api, fault);
    if (e == ERR_OK && port_file != NULL)
        e = write_port(port_file, api_port(api), fault);
    if (e != ERR_OK) {
        api_free(api);
        return e;
    }
    log_event(LOG_LEVEL_INFO, "listening", LOG_NUMBER("port", api_port(api)));
    *ret_api = api;
    return ERR_OK;
}

static int serve(const struct config *config, const char *port_file)
{
    struct fault fault = {0};
    struct api *api = NULL;
    enum error e = daemon_start("provisiond", config->log_level, &fault);
    if (e == ERR_OK)
        e = start(config, port_file, &api, &fault);
    if (e != ERR_OK) {
        log_fault(LOG_LEVEL_ERROR, "start-failed", &fault);
        return EXIT_FAILURE;
    }
    daemon_ready("serving stations");
    daemon_wait();
    api_free(api);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct config config;
    char problem[CONFIG_PROBLEM_MAX];
    const char *port_file = NULL;
    int exit_status = EXIT_SUCCESS;
    const char *path =
        daemon_arguments(argc, argv, USAGE, take_port_file, &port_file, &exit_status);
    if (path == NULL)
        return exit_status;
    if (config_load(path, CONFIG_API, &config, problem) != ERR_OK) {
        (void)fprintf(stderr, "provisiond: %s\n", problem);
        return EXIT_FAILURE;
    }
    return serve(&config, port_file);
}
