using System.Diagnostics;
using System.Text.RegularExpressions;

namespace AgCam.Deploy.Tests;

/// <summary>
/// Tests which services test.sh starts, its last line and its exit code. dotnet and docker are replaced by scripts that record their
/// calls, and the one test project prints the services that it received.
/// </summary>
public sealed class TestScriptTests : IDisposable
{
    private const string NoEngine = "case $1 in info) exit 1 ;; esac";

    /// <summary>Docker engine whose containers answer at the second attempt.</summary>
    private const string Engine = """
        case "$1 $2" in
          "port agcam-test-"*)
            case $3 in
              5672/tcp) echo 127.0.0.1:41001 ;;
              15672/tcp) echo 127.0.0.1:41002 ;;
              27017/tcp) echo 127.0.0.1:41003 ;;
            esac ;;
          "exec agcam-test-"*) [ -e "$LOG.asked.$2" ] || { touch "$LOG.asked.$2"; exit 1; } ;;
        esac
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-test-script-").FullName;

    public TestScriptTests()
    {
        Copy("test.sh");
        Copy("docker-compose.yml");
        Copy("infra/test-services/docker.sh");
        Program(
            "infra/test-services/debian.sh",
            """
            echo "debian.sh $* ${AGCAM_SERVICES_RABBITMQ:-}" >>"$LOG"
            [ "$1" = env ] || exit 0
            echo "export AGCAM_TEST_RABBITMQ=amqp://chroot/ AGCAM_TEST_RABBITMQ_MANAGEMENT=http://chroot/"
            echo "export AGCAM_TEST_RABBITMQ_TLS=amqps://chroot/ AGCAM_TEST_MONGODB=mongodb://chroot/ AGCAM_TEST_SERVICES=$0"
            """
        );
        Program("bin/dotnet", "echo \"dotnet $1\" >>\"$LOG\"");
        foreach (var program in new[] { "chromium", "promtool", "strace" })
            Program($"bin/{program}", "true");
        Tests("total: 3", "failed: 0", "succeeded: 3", "skipped: 0");
        Docker(Engine);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Services_run_in_containers_and_are_removed_when_a_Docker_engine_answers()
    {
        var run = await RunAsync();

        Assert.True(run.Code == 0, run.Said);
        Assert.Contains(
            "given amqp://agcam:agcam@127.0.0.1:41001/ http://agcam:agcam@127.0.0.1:41002/ "
                + "mongodb://127.0.0.1:41003/?directConnection=true",
            run.Said
        );
        Assert.EndsWith("3 passed, 0 failed, 0 skipped\n", run.Output);
        var started = run.Calls.Where(call => call.StartsWith("docker run ", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, started.Count);
        foreach (var service in (string[])["rabbitmq", "mongo"])
        {
            var image = (string)
                (
                    (Dictionary<object, object?>)
                        ((Dictionary<object, object?>)Yaml.Parse(Repository.Read("docker-compose.yml"))["services"]!)[service]!
                )["image"]!;
            var call = Assert.Single(started, call => call.Contains($" {image}", StringComparison.Ordinal));
            Assert.Matches($"--name agcam-test-[0-9]+-{service} ", call);
            // A free port on loopback only.
            Assert.All(Regex.Matches(call, @"--publish (\S+)"), port => Assert.Matches("^127.0.0.1::[0-9]+$", port.Groups[1].Value));
            // Waited until the second attempt was answered.
            Assert.Equal(2, run.Calls.Count(call => Regex.IsMatch(call, $"^docker exec agcam-test-[0-9]+-{service} ")));
        }
        var tests = Array.IndexOf(run.Calls, "tests");
        Assert.InRange(run.Calls.Index().Last(call => call.Item.StartsWith("docker exec ", StringComparison.Ordinal)).Index, 0, tests);
        Assert.All(
            run.Calls.Index().Where(call => call.Item.StartsWith("docker rm ", StringComparison.Ordinal)),
            call => Assert.InRange(call.Index, tests + 1, run.Calls.Length)
        );
        Assert.Equal(
            Named(started, "--name"),
            Named(run.Calls.Where(call => call.StartsWith("docker rm ", StringComparison.Ordinal)), "--volumes")
        );
    }

    [Fact]
    public async Task Without_an_engine_tests_that_need_no_service_run_and_the_others_are_listed()
    {
        Docker(NoEngine);
        var run = await RunAsync();

        Assert.True(run.Code == 0, run.Said);
        Assert.Equal(["docker info", "dotnet build", "tests"], run.Calls);
        Assert.Contains("left out: tests that need AGCAM_TEST_RABBITMQ (", run.Output);
        Assert.Contains("left out: tests that need AGCAM_TEST_MONGODB (", run.Output);
    }

    [Fact]
    public async Task Named_services_are_used_and_none_is_started()
    {
        var run = await RunAsync([], ("AGCAM_TEST_RABBITMQ", "amqp://mine/"), ("AGCAM_TEST_MONGODB", "mongodb://mine/"));

        Assert.True(run.Code == 0, run.Said);
        Assert.Equal(["dotnet build", "tests"], run.Calls);
        Assert.Contains("given amqp://mine/  mongodb://mine/", run.Said);
        Assert.DoesNotContain("need AGCAM_TEST_RABBITMQ (", run.Output);
    }

    [Fact]
    public async Task None_starts_no_service_although_an_engine_answers() =>
        Assert.Equal(["dotnet build", "tests"], (await RunAsync(["--services", "none"])).Calls);

    [Fact]
    public async Task Requested_Docker_without_an_engine_is_an_error_before_the_build()
    {
        Docker(NoEngine);
        var run = await RunAsync(["--services", "docker"]);

        Assert.Equal(2, run.Code);
        Assert.Equal(["docker info"], run.Calls);
        Assert.Contains("no Docker engine answers", run.Said);
    }

    [Theory]
    [InlineData("podman")]
    [InlineData("")]
    public async Task Unknown_kind_of_services_is_an_error(string kind)
    {
        var run = await RunAsync(["--services", kind]);

        Assert.Equal(2, run.Code);
        Assert.Empty(run.Calls);
        Assert.Contains("docker, debian or none", run.Said);
    }

    [Theory]
    [InlineData("--services", "debian", "")]
    [InlineData("--filter", "Some", "true")]
    public async Task Chroot_is_used_on_request_and_in_CI_although_an_engine_answers(string option, string value, string ci)
    {
        var run = await RunAsync([option, value], ("CI", ci));

        Assert.True(run.Code == 0, run.Said);
        Assert.Equal(["dotnet build", "debian.sh up sid", "debian.sh env ", "tests", "debian.sh down "], run.Calls);
        Assert.DoesNotContain("left out", run.Output);
    }

    [Fact]
    public async Task Older_broker_is_tested_second_in_its_own_chroot()
    {
        var run = await RunAsync(["--broker", "both"]);

        Assert.True(run.Code == 0, run.Said);
        Assert.Equal(
            [
                "dotnet build",
                "debian.sh up sid",
                "debian.sh env ",
                "tests",
                "debian.sh down ",
                "debian.sh up bookworm",
                "debian.sh env ",
                "tests RabbitMQ=wire",
                "debian.sh down ",
            ],
            run.Calls
        );
        Assert.Contains("== AgCam.Pipeline.Tests --filter-not-trait Runs=isolated\n", run.Output);
        Assert.Contains("== AgCam.Pipeline.Tests --filter-trait RabbitMQ=wire\n", run.Output);
        Assert.EndsWith("6 passed, 0 failed, 0 skipped\n", run.Output);
    }

    [Fact]
    public async Task Service_that_never_answers_is_an_error_with_its_log_and_leaves_no_container()
    {
        Docker("case $1 in exec) exit 1 ;; logs) echo 'no space left' ;; esac");
        var run = await RunAsync([], ("AGCAM_SERVICES_SECONDS", "1"));

        Assert.NotEqual(0, run.Code);
        Assert.Contains("mongo does not answer after 1 s", run.Said);
        Assert.Contains("no space left", run.Said);
        Assert.DoesNotContain("tests", run.Calls);
        Assert.Equal(2, run.Calls.Count(call => call.StartsWith("docker rm ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Container_that_does_not_start_is_an_error_and_leaves_none()
    {
        Docker("case \"$1 $*\" in run*mongod*) echo 'no such image' >&2; exit 125 ;; esac");
        var run = await RunAsync();

        Assert.NotEqual(0, run.Code);
        Assert.Contains("no such image", run.Said);
        Assert.DoesNotContain("tests", run.Calls);
        Assert.Equal(2, run.Calls.Count(call => call.StartsWith("docker rm ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("true", 1)]
    public async Task Skipped_test_is_a_failure_only_in_CI(string ci, int code)
    {
        Tests("total: 3", "failed: 0", "succeeded: 2", "skipped: 1");
        var run = await RunAsync([], ("CI", ci));

        Assert.Equal(code, run.Code);
        Assert.EndsWith("2 passed, 0 failed, 1 skipped\n", run.Output);
        Assert.Equal(code == 1, run.Said.Contains("CI leaves out nothing", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("total: 2", "failed: 1", "succeeded: 1", "skipped: 0")]
    [InlineData("total: 0", "failed: 0", "succeeded: 0", "skipped: 0")]
    [InlineData("it crashed")]
    public async Task Failures_crashes_and_empty_runs_are_no_success(params string[] said)
    {
        Tests(said);
        Assert.Equal(1, (await RunAsync()).Code);
    }

    [Fact]
    public async Task Failed_tests_and_crashed_projects_are_named_above_the_closing_line()
    {
        Tests("total: 3", "failed: 2", "succeeded: 1", "skipped: 0");
        Append(
            "failed Some.First(text: \"a (b)\") (12ms)",
            "  it is wrong",
            "failed Some.Second (1s 2ms)",
            "failed to care",
            "passed Some.Third (1ms)"
        );
        Program(ProgramOf("AgCam.Torn.Tests"), "echo it crashed; exit 3");
        var run = await RunAsync();

        Assert.Equal(1, run.Code);
        var end = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^4..];
        Assert.Equal(
            ["AgCam.Torn.Tests ended with exit code 3", "failed Some.First(text: \"a (b)\") (12ms)", "failed Some.Second (1s 2ms)"],
            end[..3].Order(StringComparer.Ordinal)
        );
        Assert.Equal("1 passed, 3 failed, 0 skipped", end[3]);

        void Append(params string[] lines) =>
            File.AppendAllText(ProgramOf("AgCam.Pipeline.Tests"), string.Concat(lines.Select(line => $"echo '{line}'\n")));
    }

    [Fact]
    public async Task Two_projects_run_at_the_same_time_and_each_ones_output_is_whole()
    {
        foreach (var project in (string[])["AgCam.Pipeline.Tests", "AgCam.One.Tests", "AgCam.Two.Tests"])
            Program(
                ProgramOf(project),
                $$"""
                echo "begins {{project}}" >>"$LOG"
                echo "first of {{project}}"
                sleep 1
                printf 'second of {{project}}\n  total: 3\n  failed: 0\n  succeeded: 2\n  skipped: 1\n'
                echo "ends {{project}}" >>"$LOG"
                """
            );
        var run = await RunAsync(["--services", "none"]);

        Assert.True(run.Code == 0, run.Said);
        Assert.All(run.Calls[1..3], call => Assert.StartsWith("begins ", call, StringComparison.Ordinal));
        Assert.StartsWith("ends ", run.Calls[3], StringComparison.Ordinal);
        foreach (var project in (string[])["AgCam.Pipeline.Tests", "AgCam.One.Tests", "AgCam.Two.Tests"])
            Assert.Contains(
                $"== {project} --filter-not-trait Runs=isolated\nfirst of {project}\nsecond of {project}\n  total: 3\n",
                run.Output,
                StringComparison.Ordinal
            );
        Assert.EndsWith("6 passed, 0 failed, 3 skipped\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tests_that_run_alone_come_after_all_others()
    {
        Program(
            ProgramOf("AgCam.Other.Tests"),
            "sleep 1; echo other >>\"$LOG\"; printf '  total: 1\\n  failed: 0\\n  succeeded: 1\\n  skipped: 0\\n'"
        );
        Directory.CreateDirectory(Path.Combine(_folder, "tests/AgCam.Pipeline.Tests/Running"));
        File.WriteAllText(Path.Combine(_folder, "tests/AgCam.Pipeline.Tests/Running/Some.cs"), "[Trait(\"Runs\", \"isolated\")]");
        var run = await RunAsync(["--services", "none"]);

        Assert.True(run.Code == 0, run.Said);
        Assert.Equal(["dotnet build", "tests", "other", "tests Runs=isolated"], run.Calls);
        Assert.EndsWith("7 passed, 0 failed, 0 skipped\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Numerical_tests_run_on_each_vector_unit_with_one_and_two_threads_and_no_services()
    {
        string[] projects = ["AgCam.Cli.Tests", "AgCam.Tests"];
        foreach (var project in projects)
        {
            Program(
                ProgramOf(project),
                """
                echo "${ATEN_CPU_CAPABILITY:-} ${OMP_NUM_THREADS:-} $(basename "$0") $*" >>"$LOG"
                printf '  total: 3\n  failed: 0\n  succeeded: 3\n  skipped: 0\n'
                """
            );
            File.WriteAllText(Path.Combine(_folder, "tests", project, "Some.cs"), "[Trait(\"Category\", \"numerical\")]");
        }
        var run = await RunAsync(["--numerical"], ("CI", "true"));

        Assert.True(run.Code == 0, run.Said);
        Assert.Equal("dotnet build", run.Calls[0]);
        Assert.All(run.Calls.Skip(1), call => Assert.Contains("--filter-trait Category=numerical", call, StringComparison.Ordinal));
        var runs = run.Calls.Skip(1).Select(call => string.Join(' ', call.Split(' ')[..3])).ToList();
        string[] units = runs.Count > 2 * projects.Length ? ["default 1", "default 2", "avx2 1", "avx2 2"] : ["default 1", "default 2"];
        Assert.Equal(units.SelectMany(unit => projects.Select(project => $"{unit} {project}")), runs);
        Assert.EndsWith($"{3 * runs.Count} passed, 0 failed, 0 skipped\n", run.Output, StringComparison.Ordinal);
    }

    /// <summary>Returns the value of an option in each call.</summary>
    private static List<string> Named(IEnumerable<string> calls, string option) =>
        [.. calls.Select(call => call.Split(' ')).Select(words => words[Array.IndexOf(words, option) + 1])];

    private string ProgramOf(string project) => Path.Combine(_folder, "tests", project, "bin", "Release", "net10.0", project);

    private void Copy(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder, path))!);
        File.Copy(Repository.PathOf(path), Path.Combine(_folder, path)); // keeps the file mode
    }

    private void Program(string path, string script)
    {
        path = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $"#!/bin/bash\n{script}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private void Docker(string behaviour) => Program("bin/docker", $"echo \"docker $*\" >>\"$LOG\"\n{behaviour}");

    private void Tests(params string[] said) =>
        Program(
            ProgramOf("AgCam.Pipeline.Tests"),
            $$$"""
            arguments="$* "
            trait=${arguments##*--filter-trait }
            [ "$trait" != "$arguments" ] || trait=
            echo "tests${trait:+ ${trait%% *}}" >>"$LOG"
            echo "given ${AGCAM_TEST_RABBITMQ:-} ${AGCAM_TEST_RABBITMQ_MANAGEMENT:-} ${AGCAM_TEST_MONGODB:-}"
            {{{string.Join('\n', said.Select(line => $"echo '  {line}'"))}}}
            """
        );

    /// <returns>Exit code, standard output, both outputs, and every called program in order.</returns>
    private Task<(int Code, string Output, string Said, string[] Calls)> RunAsync() => RunAsync([]);

    private async Task<(int Code, string Output, string Said, string[] Calls)> RunAsync(
        string[] arguments,
        params (string Name, string Value)[] environment
    )
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var log = Path.Combine(_folder, "calls");
        var start = new ProcessStartInfo(Path.Combine(_folder, "test.sh"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment.Append(("PATH", $"{_folder}/bin:/usr/bin:/bin")).Append(("LOG", log)))
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var (output, errors) = (
            process.StandardOutput.ReadToEndAsync(cancellationToken),
            process.StandardError.ReadToEndAsync(cancellationToken)
        );
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, await output, $"{await output}\n{await errors}", File.Exists(log) ? File.ReadAllLines(log) : []);
    }
}
