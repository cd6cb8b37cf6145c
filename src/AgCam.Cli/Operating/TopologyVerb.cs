using System.CommandLine;
using System.CommandLine.Parsing;
using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;
using AgCam.Pipeline.Bus;

namespace AgCam.Cli.Operating;

/// <summary>agcam topology: lists, checks and creates exchanges and queues, for operators of the broker.</summary>
internal static class TopologyVerb
{
    private const string Hint = "--bus amqp://broker/vhost; with a password Pipeline__Bus, or a file that Pipeline__BusFile names";

    public static Command Create() =>
        new("topology", $"Lists, checks and creates the exchanges and queues of the broker ({Hint}).") { Print(), Verify(), Apply() };

    private static Command Print()
    {
        var services = new ServiceOptions();
        var permissions = new Option<bool>("--permissions") { Description = "Print only the permissions, on stdout." };
        var command = new Command(
            "print",
            "Prints definitions for RabbitMQ to import, and the permissions of each role on stderr. Connects to nothing."
        )
        {
            permissions,
        };
        services.AddBusTo(command);
        command.SetAction(
            (parsed, _) =>
                parsed.Console.RunServiceAsync(() =>
                {
                    var topology = Of(services, parsed);
                    if (!parsed.GetValue(permissions))
                        parsed.Console.Output.Write(topology.Definitions());
                    Permissions(topology, parsed.GetValue(permissions) ? parsed.Console.Output : parsed.Console.Error);
                    return Task.CompletedTask;
                })
        );
        return command.WithExamples(
            new Example("For a broker that another team runs", "agcam topology print --bus amqp://broker/explaining > definitions.json")
        );
    }

    private static Command Verify()
    {
        var services = new ServiceOptions();
        var management = new Option<Uri?>("--management")
        {
            Description = "RabbitMQ's management API, e.g. http://broker:15672, for the same user. Compares names, arguments and bindings.",
            HelpName = "URL",
            CustomParser = HttpAddress,
        };
        var namesOnly = new Option<bool>("--names-only")
        {
            Description = "Check only names, over AMQP. Bindings and arguments are not compared.",
        };
        var command = new Command(
            "verify",
            "Lists differences from the required topology. Exit code 2 when there are any. Changes nothing, needs no configure permission."
        )
        {
            management,
            namesOnly,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(management) is null == !result.GetValue(namesOnly))
                result.AddError("Give either --management URL, which compares bindings and arguments too, or --names-only.");
        });
        services.AddBusTo(command);
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                var code = ExitCode.Success;
                var ended = await parsed.Console.RunServiceAsync(async () =>
                {
                    var topology = Of(services, parsed);
                    var (differences, unseen) = await topology.VerifyAsync(parsed.GetValue(management), cancellationToken);
                    foreach (var difference in differences)
                        parsed.Console.Output.WriteLine(difference);
                    if (unseen.Count > 0)
                        parsed.Console.Error.WriteLine(
                            $"agcam: not checked, because the user has no permission on them: {string.Join(", ", unseen)}."
                        );
                    var compared = parsed.GetValue(namesOnly)
                        ? "has every name; bindings and arguments were not compared"
                        : "has the required topology";
                    parsed.Console.Error.WriteLine(
                        differences.Count == 0
                            ? $"agcam: {topology.Broker} {compared}."
                            : $"agcam: {topology.Broker} differs. `agcam topology apply` creates what is missing. Delete different "
                                + $"queues and exchanges first."
                    );
                    code = differences.Count == 0 ? ExitCode.Success : ExitCode.UsageError;
                });
                return ended == ExitCode.Success ? code : ended;
            }
        );
        return command.WithExamples(
            new Example(
                "With arguments and bindings",
                "agcam topology verify --bus amqp://broker/explaining --management http://broker:15672"
            )
        );
    }

    private static Command Apply()
    {
        var services = new ServiceOptions();
        var command = new Command(
            "apply",
            "Creates missing exchanges, queues and bindings. Needs configure, write and read permission on their names."
        );
        services.AddBusTo(command);
        command.SetAction(
            (parsed, cancellationToken) =>
                parsed.Console.RunServiceAsync(async () =>
                {
                    var topology = Of(services, parsed);
                    await topology.ApplyAsync(cancellationToken);
                    parsed.Console.Error.WriteLine($"agcam: {topology.Broker} has the required topology.");
                })
        );
        return command.WithExamples(
            new Example("As a user with the permission to configure", "Pipeline__BusFile=/run/secrets/setup agcam topology apply")
        );
    }

    private static Uri? HttpAddress(ArgumentResult result)
    {
        if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var address) && address.Scheme is ("http" or "https"))
            return address;
        result.AddError($"--management {result.Tokens[0].Value} is not an http or https address, e.g. http://broker:15672.");
        return null;
    }

    private static BusTopology Of(ServiceOptions services, ParseResult parsed) => new(services.Reach(parsed, Settings.Read()));

    private static void Permissions(BusTopology topology, TextWriter to)
    {
        foreach (var role in topology.Roles)
        {
            to.WriteLine($"# {role.Name}: {role.For}");
            to.WriteLine(
                $"rabbitmqctl set_permissions -p '{topology.VirtualHost}' {role.Name.ToUpperInvariant()} '{role.Configure}' "
                    + $"'{role.Write}' '{role.Read}'"
            );
        }
    }
}
