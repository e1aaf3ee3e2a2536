/* SPDX-License-Identifier: GPL-2.0-or-later */
/* improxyd - the command line of the daemon. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "daemon.h"
#include "docgen.h"
#include "import.h"
#include "lib/log.h"
#include "load.h"
#include "sys/file.h"
#include "sys/keeper.h"
#include "sys/process.h"
#include "sys/sandbox.h"

#define EXIT_USAGE 2

/* Of options that have no letter. */
enum { OPTION_IMPORT = 256, OPTION_DUMP_CLI, OPTION_KEEP, OPTION_NO_KEEPER, OPTION_NO_SANDBOX };

struct arguments {
	struct daemon_options daemon;
	const char *import_type, *import_file; /* NULL: nothing is to be converted */
	bool check, print, dump_cli, no_keeper;
};

static void usage(FILE *f)
{
	fputs("Usage: improxyd [OPTION]...\n"
	      "An IGMP and MLD proxy (RFC 4605).\n\n"
	      "  -f, --config-file FILE  startup configuration (" IMPROXY_CONFIG ")\n"
	      "  -s, --socket PATH       control socket (" IMPROXY_SOCKET ")\n"
	      "  -n, --check             report the errors of the file and exit\n"
	      "  -t, --test-print        with -n: print what the file says, normalised\n"
	      "  -d, --daemon            go to the background once ready\n"
	      "  -p, --pid-file PATH     write the process number\n"
	      "  -l, --log-level LEVEL   errors, warnings, notifications, informational or debugging\n"
	      "  -u, --user NAME         become this user, keeping CAP_NET_ADMIN and CAP_NET_RAW only\n"
	      "  -g, --group NAME        group that may use the control socket\n"
	      "      --keep-descriptors  at SIGTERM leave memberships and forwarding to the service\n"
	      "                          manager's descriptor store, so that a restart goes unnoticed\n"
	      "      --no-keeper         run as a single process, which nobody starts again\n"
	      "      --no-sandbox        neither filter system calls nor limit where files are written\n"
	      "      --import TYPE FILE  print another proxy's configuration in this syntax;\n"
	      "                          TYPE: improxy, igmpproxy, mcproxy or smcroute\n"
	      "      --dump-cli          print the reference of all commands (doc/cli.md)\n"
	      "  -V, --version           print the version\n"
	      "  -h, --help              print this\n",
	      f);
}

static void print_error(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "%s\n", message);
}

/* -n: needs no privilege and opens no socket. */
static int check_file(const struct arguments *args)
{
	const char *path = args->daemon.config_file;
	char error[CMD_ERROR_LEN], *text = NULL, *normal = NULL;
	struct cmd_table *table = cli_table_new(error, sizeof(error));
	struct load_source source = { .name = path };
	struct conf *conf = NULL;
	int err, status = EXIT_FAILURE;

	if (!table) {
		fprintf(stderr, "improxyd: command table: %s\n", error);
		return EXIT_FAILURE;
	}
	err = file_read(path, FILE_ANY, &text, &source.len);
	if (err < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
		goto out;
	}
	source.text = text;
	conf = conf_new();
	err = conf ? load_text(table, &source, conf, print_error, NULL) : -ENOMEM;
	normal = err >= 0 && args->print ? cli_config_text(conf) : NULL;
	if (err < 0 || (args->print && !normal)) {
		fprintf(stderr, "improxyd: out of memory\n");
		goto out;
	}
	if (normal)
		fputs(normal, stdout);
	if (err == 0)
		status = EXIT_SUCCESS;
out:
	free(normal);
	free(text);
	conf_free(conf);
	cmd_table_free(table);
	return status;
}

/* --import: needs no privilege either. */
static int import_file(const struct arguments *args)
{
	const struct import_format *format = import_format_find(args->import_type);
	char error[CMD_ERROR_LEN], *text = NULL, *result = NULL;
	struct cmd_table *table = cli_table_new(error, sizeof(error));
	int err, status = EXIT_FAILURE;
	size_t len;

	if (!table) {
		fprintf(stderr, "improxyd: command table: %s\n", error);
		return EXIT_FAILURE;
	}
	err = file_read(args->import_file, FILE_ANY, &text, &len);
	if (err == 0 && strlen(text) != len)
		err = -EILSEQ;
	if (err == 0)
		err = import_convert(format, table, args->import_file, text, print_error, NULL, &result);
	if (err < 0) {
		fprintf(stderr, "%s: %s\n", args->import_file, strerror(-err));
	} else {
		fputs(result, stdout);
		status = EXIT_SUCCESS;
	}
	free(result);
	free(text);
	cmd_table_free(table);
	return status;
}

static int dump_cli(void)
{
	char error[CMD_ERROR_LEN];
	struct cmd_table *table = cli_table_new(error, sizeof(error));
	int err;

	if (!table) {
		fprintf(stderr, "improxyd: command table: %s\n", error);
		return EXIT_FAILURE;
	}
	err = docgen_commands(table, stdout);
	cmd_table_free(table);
	if (err < 0)
		fprintf(stderr, "improxyd: %s\n", strerror(-err));
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Returns -1 to go on, or the status to exit with. */
static int read_arguments(int argc, char **argv, struct arguments *args)
{
	static const struct option options[] = {
		{ "config-file", required_argument, NULL, 'f' },
		{ "socket", required_argument, NULL, 's' },
		{ "check", no_argument, NULL, 'n' },
		{ "test-print", no_argument, NULL, 't' },
		{ "daemon", no_argument, NULL, 'd' },
		{ "pid-file", required_argument, NULL, 'p' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "user", required_argument, NULL, 'u' },
		{ "group", required_argument, NULL, 'g' },
		{ "import", required_argument, NULL, OPTION_IMPORT },
		{ "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX },
		{ "dump-cli", no_argument, NULL, OPTION_DUMP_CLI },
		{ "keep-descriptors", no_argument, NULL, OPTION_KEEP },
		{ "no-keeper", no_argument, NULL, OPTION_NO_KEEPER },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	enum log_level level;
	int c;

	while ((c = getopt_long(argc, argv, "f:s:ntdp:l:u:g:Vh", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			args->daemon.config_file = optarg;
			break;
		case 's':
			args->daemon.socket_path = optarg;
			break;
		case 'n':
			args->check = true;
			break;
		case 't':
			args->print = true;
			break;
		case 'd':
			args->daemon.background = true;
			break;
		case 'p':
			args->daemon.pid_file = optarg;
			break;
		case 'l':
			if (log_level_parse(optarg, &level) < 0) {
				fprintf(stderr, "improxyd: there is no log level %s\n", optarg);
				return EXIT_USAGE;
			}
			args->daemon.log_level = (int)level;
			break;
		case 'u':
			args->daemon.user = optarg;
			break;
		case 'g':
			args->daemon.group = optarg;
			break;
		case OPTION_IMPORT:
			args->import_type = optarg;
			break;
		case OPTION_KEEP:
			args->daemon.keep = true;
			break;
		case OPTION_NO_KEEPER:
			args->no_keeper = true;
			break;
		case OPTION_NO_SANDBOX:
			args->daemon.no_sandbox = true;
			break;
		case OPTION_DUMP_CLI:
			args->dump_cli = true;
			break;
		case 'V':
			puts("improxyd " IMPROXY_VERSION);
			printf("system call filter (seccomp): %s\n", sandbox_has_filter() ? "yes" : "no");
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (args->import_type && !import_format_find(args->import_type)) {
		fprintf(stderr, "improxyd: --import knows %s, not %s\n", import_format_names(), args->import_type);
		return EXIT_USAGE;
	}
	if (args->import_type) {
		if (optind == argc) {
			fprintf(stderr, "improxyd: --import needs a type and a file\n");
			return EXIT_USAGE;
		}
		args->import_file = argv[optind++];
	}
	if (optind < argc || (args->print && !args->check)) {
		fprintf(stderr, optind < argc ? "improxyd: unexpected argument %s\n" : "improxyd: -t goes with -n\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

/* In the background no file system is to be kept busy, unless a path was given from here. */
static int leave_directory(const struct daemon_options *o)
{
	bool relative = o->config_file[0] != '/' || o->socket_path[0] != '/' || (o->pid_file && o->pid_file[0] != '/');

	return !o->background || relative || chdir("/") == 0 ? 0 : -errno;
}

static int run_alone(const struct arguments *args)
{
	struct handover none = { NULL };
	int err = args->daemon.background ? process_background() : 0;

	if (err < 0) {
		fprintf(stderr, "improxyd: cannot go to the background: %s\n", strerror(-err));
		return EXIT_FAILURE;
	}
	return daemon_main(&args->daemon, &none);
}

/* The keeper, or a worker that it has started with the same arguments. */
static int run_kept(const struct arguments *args, char **argv)
{
	const struct keeper_options options = {
		.argv = argv,
		.pid_file = args->daemon.pid_file,
		.user = args->daemon.user,
		.group = args->daemon.group,
		.background = args->daemon.background,
	};
	struct handover handover;

	if (handover_read(&handover) < 0) {
		fprintf(stderr, "improxyd: out of memory\n");
		return EXIT_FAILURE;
	}
	return keeper_is_worker(&handover) ? daemon_main(&args->daemon, &handover) : keeper_run(&options, &handover);
}

int main(int argc, char **argv)
{
	struct arguments args = {
		.daemon = { .config_file = IMPROXY_CONFIG, .socket_path = IMPROXY_SOCKET, .log_level = -1 }
	};
	int err, status = read_arguments(argc, argv, &args);

	if (status >= 0)
		return status;
	if (args.import_type)
		return import_file(&args);
	if (args.dump_cli)
		return dump_cli();
	if (args.check)
		return check_file(&args);
	err = leave_directory(&args.daemon);
	if (err < 0) {
		fprintf(stderr, "improxyd: /: %s\n", strerror(-err));
		return EXIT_FAILURE;
	}
	return args.no_keeper ? run_alone(&args) : run_kept(&args, argv);
}
