/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The main of provisiond: starts and stops the front end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "api/api.h"
#include "api/listener.h"
#include "config/config.h"
#include "core/log.h"
#include "core/rpc_client.h"
#include "daemon/daemon.h"
#include "daemon/descriptors.h"
#include "daemon/sandbox.h"
#include "daemon/sandbox_trial.h"
#include "daemon/watchdog.h"

#define PORT_PATH_SIZE (CONFIG_PATH_MAX + 8)

static const char USAGE[] =
    "Usage: provisiond [--config FILE] [--port-file FILE] [--check]\n"
    "The HTTPS front end of the provisioning service.\n"
    "  --config FILE     the configuration (default " CONFIG_DEFAULT_PATH ")\n"
    "  --check           look for mistakes in the configuration and its files, and end\n"
    "  --port-file FILE  write the TCP port that is listened at to FILE\n"
    "  --version, --help";

struct options {
    const char *config_path;
    const char *port_file; /* NULL: not given */
};

static int take_port_file(void *context, int argc, char **argv)
{
    struct options *options = context;
    if (argc < 2 || strcmp(argv[0], "--port-file") != 0 || strlen(argv[1]) >= CONFIG_PATH_MAX)
        return 0;
    options->port_file = argv[1];
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
        return fault_set(fault, ERR_CONFIG, "port-file",
                         "The port file (--port-file) cannot be written: its folder must be there, "
                         "have room and belong to this user.",
                         0);
    return ERR_OK;
}

static enum error choose_socket(const char *address, int *ret_fd, struct fault *fault)
{
    int passed = sd_listen_fds(1);
    if (passed < 0 || passed > 1)
        return fault_set(fault, ERR_CONFIG, "passed-sockets",
                         "The service manager must pass one socket or none: leave one "
                         "ListenStream= in provisiond.socket.",
                         passed);
    if (passed == 0)
        return listener_open(address, ret_fd, fault);
    *ret_fd = SD_LISTEN_FDS_START;
    if (!listener_is_at(*ret_fd, address))
        log_event(LOG_LEVEL_INFO, "listen-not-used", LOG_NUMBER("port", listener_port(*ret_fd)),
                  LOG_TEXT("detail",
                           "The socket of the service manager counts (provisiond.socket), "
                           "and not [api] listen, which names another port."));
    return ERR_OK;
}

static enum error check(const struct config *config, struct fault *fault)
{
    enum error e = descriptors_provide(config->api.connections, fault);
    return e == ERR_OK ? api_check(config, fault) : e;
}

/* What needs the network and other folders, for the last time. */
static enum error open_doors(const struct config *config, const struct options *options,
                             int *ret_socket, struct fault *fault)
{
    /* What is wrong is told before a port file says that there is somebody. */
    enum error e = check(config, fault);
    if (e == ERR_OK)
        e = choose_socket(config->api.listen, ret_socket, fault);
    if (e == ERR_OK && options->port_file != NULL)
        e = write_port(options->port_file, listener_port(*ret_socket), fault);
    if (e == ERR_OK)
        e = sandbox_enter_api(options->config_path, config, fault);
    return e;
}

static enum error start(const struct config *config, const struct options *options,
                        struct api **ret_api, struct fault *fault)
{
    int socket = -1;
    struct api *api = NULL;
    enum error e = open_doors(config, options, &socket, fault);
    if (e == ERR_OK)
        e = api_new(config, socket, &api, fault);
    if (e != ERR_OK)
        return e; /* the process ends, and the socket with it */
    log_event(LOG_LEVEL_INFO, "listening", LOG_NUMBER("port", api_port(api)));
    *ret_api = api;
    return ERR_OK;
}

static enum error probe(void *context, deadline_ms deadline, struct fault *fault)
{
    return api_probe(context, deadline, fault);
}

static enum error reload(void *context, const struct config *config, struct fault *fault)
{
    enum error e = descriptors_provide(config->api.connections, fault);
    return e == ERR_OK ? api_reload(context, config, fault) : e;
}

static int serve(const struct config *config, const struct options *options)
{
    struct fault fault = {0};
    struct api *api = NULL;
    struct watchdog *watchdog = NULL;
    enum error e = daemon_start("provisiond", config->log_level, &fault);
    if (e == ERR_OK)
        e = start(config, options, &api, &fault);
    if (e == ERR_OK)
        e = watchdog_new(probe, api, &watchdog, &fault);
    if (e != ERR_OK) {
        api_free(api);
        return daemon_fail(&fault);
    }
    sandbox_trial();
    const struct daemon_life life = {.status = "serving stations",
                                     .path = options->config_path,
                                     .program = CONFIG_API,
                                     .started = config,
                                     .reload = reload,
                                     .context = api};
    daemon_ready(&life);
    daemon_wait(&life);
    watchdog_free(watchdog);
    api_free(api);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct config config;
    struct options options = {0};
    struct daemon_options arguments = {
        .usage = USAGE, .other = take_port_file, .context = &options};
    struct fault fault = {0};
    int status = EXIT_FAILURE;
    if (!daemon_arguments(argc, argv, &arguments, &status))
        return status;
    if (!daemon_configure(&arguments, CONFIG_API, &config))
        return EXIT_FAILURE;
    if (arguments.is_check)
        return daemon_end_check(&arguments, check(&config, &fault), &fault);
    options.config_path = arguments.path;
    return serve(&config, &options);
}
