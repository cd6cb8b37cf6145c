using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Records;
using AgCam.Worker;
using AgCam.Worker.Engines;
using RabbitMQ.Client;
using Xunit;

namespace AgCam.Pipeline.Tests.Bus;

/// <summary>Tests TLS with a broker that has a certificate of a private authority and requires a client certificate.</summary>
[Trait("RabbitMQ", "wire")]
public sealed class TlsTests
{
    private const string Skipped = "AGCAM_TEST_RABBITMQ_TLS names no broker with TLS";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static bool IsThere => Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ_TLS") is { Length: > 0 };

    private static string File(string name) =>
        Path.Combine(Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ_CERTIFICATES") ?? "", name);

    private static TlsOptions Ours =>
        new()
        {
            CaFile = File("ca.pem"),
            CertificateFile = File("client.pem"),
            KeyFile = File("client.key"),
        };

    private static PipelineOptions Over(PipelineOptions options, TlsOptions tls) =>
        options with
        {
            Bus = Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ_TLS")!,
            BusTls = tls,
            Prefix = $"test-{Guid.NewGuid():N}",
        };

    [Theory(SkipUnless = nameof(IsThere), Skip = Skipped)]
    [InlineData(TopologyMode.Apply)]
    [InlineData(TopologyMode.Verify)]
    public async Task Job_completes_over_mutual_TLS(TopologyMode mode)
    {
        using var pictures = new Pictures(20);
        var options = Over(Processes.Options(pictures), Ours) with { Topology = mode };
        await new BusTopology(options).ApplyAsync(Cancel);
        try
        {
            await using var api = await Processes.StartAsync(options);
            await using var worker = await Processes.StartAsync(options with { RunJobs = false }, new WorkerOptions());
            var job = await api.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
            job = await api.WaitAsync(job.Id, job => job.State == JobState.Completed);
            Assert.Equal(20, job.Progress.Completed);
        }
        finally
        {
            await DeleteAsync(options);
        }
    }

    [Fact(SkipUnless = nameof(IsThere), Skip = Skipped)]
    public async Task Broker_with_a_certificate_of_another_authority_is_not_trusted()
    {
        using var folder = new Certificates();
        var another = Ours with { CaFile = folder.Authority("another authority").Certificate };
        await Assert.ThrowsAsync<BusException>(() => new BusTopology(Over(new PipelineOptions(), another)).VerifyAsync(null, Cancel));
        await Assert.ThrowsAsync<BusException>(() =>
            new BusTopology(Over(new PipelineOptions(), Ours with { CaFile = null })).VerifyAsync(null, Cancel)
        );
    }

    [Fact(SkipUnless = nameof(IsThere), Skip = Skipped)]
    public async Task Broker_with_a_certificate_for_another_name_is_not_trusted()
    {
        await Assert.ThrowsAsync<BusException>(() =>
            new BusTopology(Over(new PipelineOptions(), Ours with { ServerName = "elsewhere" })).VerifyAsync(null, Cancel)
        );
        Assert.NotEmpty(
            (
                await new BusTopology(Over(new PipelineOptions(), Ours with { ServerName = "localhost" })).VerifyAsync(null, Cancel)
            ).Differences
        );
    }

    [Fact(SkipUnless = nameof(IsThere), Skip = Skipped)]
    public async Task Broker_refuses_clients_without_a_certificate_of_its_authority()
    {
        using var folder = new Certificates();
        var (certificate, key) = folder.Authority("another authority");
        await Assert.ThrowsAsync<BusException>(() =>
            new BusTopology(Over(new PipelineOptions(), Ours with { CertificateFile = certificate, KeyFile = key })).VerifyAsync(
                null,
                Cancel
            )
        );
        await Assert.ThrowsAsync<BusException>(() =>
            new BusTopology(Over(new PipelineOptions(), new TlsOptions { CaFile = File("ca.pem") })).VerifyAsync(null, Cancel)
        );
    }

    [Fact]
    public void Unusable_files_are_named()
    {
        using var made = new Certificates();
        var (certificate, key) = made.Authority("client");
        var other = made.Authority("other");
        Assert.Contains("nowhere.pem", Refused(new TlsOptions { CaFile = "/nowhere.pem" }));
        Assert.Contains(key, Refused(new TlsOptions { CaFile = key })); // a PEM file without a certificate
        Assert.Contains("/nowhere.pem", Refused(new TlsOptions { CertificateFile = "/nowhere.pem", KeyFile = key }));
        Assert.Contains("/nowhere.key", Refused(new TlsOptions { CertificateFile = certificate, KeyFile = "/nowhere.key" }));
        Assert.Contains(
            $"{certificate} with the key {other.Key}",
            Refused(new TlsOptions { CertificateFile = certificate, KeyFile = other.Key })
        );
        Assert.Contains(certificate, Refused(new TlsOptions { CertificateFile = certificate })); // a PEM file without a key
        Assert.Contains("CertificateFile", Refused(new TlsOptions { KeyFile = key }));
        Assert.Contains(
            "amqps://",
            Assert
                .Throws<OptionsException>(() =>
                    new BusTopology(
                        new PipelineOptions
                        {
                            Bus = "amqp://broker",
                            BusTls = new TlsOptions { CaFile = certificate },
                        }
                    )
                )
                .Message
        );
    }

    [Fact]
    public void Wrong_password_is_refused_and_not_shown()
    {
        using var made = new Certificates();
        var (right, wrong) = (made.Text("right", "swordfish"), made.Text("wrong", "sesame"));
        var (certificate, key) = made.Authority("client");
        var bundle = made.Pkcs12("client", "swordfish");
        var (locked, lockedKey) = (certificate, made.Locked("client", "swordfish"));
        foreach (
            var (fits, file) in new[]
            {
                (new TlsOptions { CertificateFile = bundle }, bundle),
                (new TlsOptions { CertificateFile = locked, KeyFile = lockedKey }, lockedKey),
            }
        )
        {
            Assert.Equal("CN=client", (fits with { PasswordFile = right }).ClientCertificate()!.Subject);
            foreach (var message in new[] { Refused(fits with { PasswordFile = wrong }), Refused(fits) })
            {
                Assert.Contains(file, message);
                Assert.DoesNotContain("sesame", message);
            }
        }
        Assert.Contains(
            "leave KeyFile out",
            Refused(
                new TlsOptions
                {
                    CertificateFile = bundle,
                    KeyFile = key,
                    PasswordFile = right,
                }
            )
        );
        Assert.Contains("nowhere.txt", Refused(new TlsOptions { CertificateFile = bundle, PasswordFile = "/nowhere.txt" }));
    }

    private static string Refused(TlsOptions tls) =>
        Assert
            .Throws<OptionsException>(() =>
            {
                tls.ClientCertificate();
                tls.Validation();
            })
            .Message;

    private static async Task DeleteAsync(PipelineOptions options)
    {
        await using var connection = await BrokerAddress.Of(options).Factory().CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        foreach (var queue in BusPlan.Of(new BusNames(options.Prefix)).Queues)
            await channel.QueueDeleteAsync(queue.Name);
        foreach (var exchange in BusPlan.Of(new BusNames(options.Prefix)).Exchanges)
            await channel.ExchangeDeleteAsync(exchange);
    }
}
