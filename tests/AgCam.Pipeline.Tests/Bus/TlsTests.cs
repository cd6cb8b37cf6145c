using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Stores.Mongo;
using AgCam.Pipeline.Tests.Running;
using AgCam.Worker;
using AgCam.Pipeline.Records;
using AgCam.Worker.Engines;
using RabbitMQ.Client;
using Xunit;

namespace AgCam.Pipeline.Tests.Bus;

/// <summary>Over TLS, against a broker whose certificate comes from an authority that no machine trusts, and that asks for ours.</summary>
public sealed class TlsTests
{
    private const string Skipped = "AGCAM_TEST_RABBITMQ_TLS names no broker with TLS";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static bool IsThere => Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ_TLS") is { Length: > 0 };

    private static string File(string name) => Path.Combine(Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ_CERTIFICATES") ?? "", name);

    private static TlsOptions Ours => new() { CaFile = File("ca.pem"), CertificateFile = File("client.pem"), KeyFile = File("client.key") };

    private static PipelineOptions Over(PipelineOptions options, TlsOptions tls) =>
        options with { Bus = Environment.GetEnvironmentVariable("AGCAM_TEST_RABBITMQ_TLS")!, BusTls = tls, Prefix = $"test-{Guid.NewGuid():N}" };

    [Theory(SkipUnless = nameof(IsThere), Skip = Skipped)]
    [InlineData(TopologyMode.Apply)]
    [InlineData(TopologyMode.Verify)]
    public async Task A_job_is_carried_out_over_tls_with_certificates_on_both_sides(TopologyMode mode)
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
    public async Task A_broker_from_another_authority_is_not_trusted()
    {
        using var folder = new Made();
        var another = Ours with { CaFile = folder.Authority("another authority").Certificate };
        await Assert.ThrowsAsync<BusException>(() => new BusTopology(Over(new PipelineOptions(), another)).VerifyAsync(null, Cancel));
        await Assert.ThrowsAsync<BusException>(() => new BusTopology(Over(new PipelineOptions(), Ours with { CaFile = null })).VerifyAsync(null, Cancel));
    }

    [Fact(SkipUnless = nameof(IsThere), Skip = Skipped)]
    public async Task A_broker_of_another_name_is_not_trusted()
    {
        await Assert.ThrowsAsync<BusException>(() => new BusTopology(Over(new PipelineOptions(), Ours with { ServerName = "elsewhere" })).VerifyAsync(null, Cancel));
        Assert.NotEmpty((await new BusTopology(Over(new PipelineOptions(), Ours with { ServerName = "localhost" })).VerifyAsync(null, Cancel)).Differences);
    }

    [Fact(SkipUnless = nameof(IsThere), Skip = Skipped)]
    public async Task The_broker_lets_nobody_in_without_a_certificate_of_its_authority()
    {
        using var folder = new Made();
        var (certificate, key) = folder.Authority("a stranger");
        await Assert.ThrowsAsync<BusException>(() => new BusTopology(Over(new PipelineOptions(), Ours with { CertificateFile = certificate, KeyFile = key })).VerifyAsync(null, Cancel));
        await Assert.ThrowsAsync<BusException>(() => new BusTopology(Over(new PipelineOptions(), new TlsOptions { CaFile = File("ca.pem") })).VerifyAsync(null, Cancel));
    }

    [Fact]
    public void Files_for_TLS_reach_the_driver_of_MongoDB()
    {
        using var folder = new Made();
        var (certificate, key) = folder.Authority("somebody");
        var settings = MongoDatabase.Settings(new MongoOptions { Uri = "mongodb://server", Tls = new TlsOptions { CaFile = certificate, CertificateFile = certificate, KeyFile = key } });
        Assert.True(settings.UseTls);
        Assert.Equal("CN=somebody", Assert.Single(settings.SslSettings.ClientCertificates).Subject);
        var trusted = settings.SslSettings.ServerCertificateValidationCallback;
        Assert.True(trusted(this, X509CertificateLoader.LoadCertificateFromFile(certificate), null, System.Net.Security.SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.False(trusted(this, X509CertificateLoader.LoadCertificateFromFile(folder.Authority("another").Certificate), null, System.Net.Security.SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.False(trusted(this, X509CertificateLoader.LoadCertificateFromFile(certificate), null, System.Net.Security.SslPolicyErrors.RemoteCertificateNameMismatch));
        Assert.False(MongoDatabase.Settings(new MongoOptions { Uri = "mongodb://server" }).UseTls);
    }

    [Fact]
    public void Files_that_cannot_be_used_are_named()
    {
        using var folder = new Made();
        var (certificate, _) = folder.Authority("somebody");
        var other = folder.Authority("somebody else");
        Assert.Contains("nowhere.pem", Refused(new TlsOptions { CaFile = "/nowhere.pem" }));
        Assert.Contains(certificate, Refused(new TlsOptions { CertificateFile = certificate, KeyFile = other.Key }));
        Assert.Contains("KeyFile", Refused(new TlsOptions { CertificateFile = certificate }));
        Assert.Contains("amqps://", Assert.Throws<OptionsException>(() => new BusTopology(new PipelineOptions { Bus = "amqp://broker", BusTls = new TlsOptions { CaFile = certificate } })).Message);

        static string Refused(TlsOptions tls) => Assert.Throws<OptionsException>(() => MongoDatabase.Settings(new MongoOptions { Uri = "mongodb://server", Tls = tls })).Message;
    }

    private static async Task DeleteAsync(PipelineOptions options)
    {
        await using var connection = await BrokerAddress.Of(options).Factory().CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        foreach (var queue in BusPlan.Of(new BusNames(options.Prefix)).Queues)
            await channel.QueueDeleteAsync(queue.Name);
        foreach (var exchange in BusPlan.Of(new BusNames(options.Prefix)).Exchanges)
            await channel.ExchangeDeleteAsync(exchange);
    }

    /// <summary>Certificates made for a test.</summary>
    private sealed class Made : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("agcam-tls-").FullName;

        /// <returns>The paths of a certificate that signs itself, fit for a server, and of its key.</returns>
        public (string Certificate, string Key) Authority(string name)
        {
            using var key = RSA.Create(2048);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, true));
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
            using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            var (certificateFile, keyFile) = (Path.Combine(_folder, $"{name}.pem"), Path.Combine(_folder, $"{name}.key"));
            System.IO.File.WriteAllText(certificateFile, made.ExportCertificatePem());
            System.IO.File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
            return (certificateFile, keyFile);
        }

        public void Dispose() => Directory.Delete(_folder, recursive: true);
    }
}
