using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AgCam.Api.Security;

namespace AgCam.Api.Tests.Security;

public sealed class TlsTests : IDisposable
{
    private static readonly (string Key, ApiKey Entry) Reader = ApiKey.Create("reader", Scope.Read);

    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-tls-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private ApiTlsOptions Files => new() { CertificateFile = Path.Combine(_folder, "tls.crt"), KeyFile = Path.Combine(_folder, "tls.key") };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task TLS_handshake_sends_the_intermediate_certificate()
    {
        using var root = Authority.Root();
        Write(root, "first");
        await using var api = await StartAsync(Reader.Entry);
        using var trusting = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = root.Trusted() } });
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(api.Client.BaseAddress!, "/v1/items"));
        request.Headers.Add("Authorization", $"Bearer {Reader.Key}");
        await RunningApi.JsonAsync(await trusting.SendAsync(request, Cancel), 200);
    }

    [Fact]
    public async Task Client_without_the_root_rejects_the_certificate()
    {
        using var root = Authority.Root();
        using var another = Authority.Root();
        Write(root, "first");
        await using var api = await StartAsync();
        using var trusting = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = another.Trusted() } });
        await Assert.ThrowsAsync<HttpRequestException>(() => trusting.GetAsync(new Uri(api.Client.BaseAddress!, "/health/live"), Cancel));
    }

    [Fact]
    public async Task New_certificate_is_used_without_a_restart()
    {
        using var root = Authority.Root();
        Write(root, "first");
        await using var api = await StartAsync();
        Assert.Equal("CN=first", await ShownAsync(api));
        Write(root, "second");
        await Eventually.TrueAsync(async () => await ShownAsync(api) == "CN=second");
    }

    [Fact]
    public void Certificate_behind_a_symbolic_link_is_reloaded_when_the_link_changes()
    {
        using var root = Authority.Root();
        var clock = new MovedClock();
        foreach (var name in new[] { "first", "second" })
        {
            var mounted = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
            root.Sign(name).Write(Path.Combine(mounted, "tls.crt"), Path.Combine(mounted, "tls.key"));
        }
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "first");
        foreach (var file in new[] { "tls.crt", "tls.key" })
            File.CreateSymbolicLink(Path.Combine(_folder, file), Path.Combine("..data", file));
        var certificate = new ServerCertificate(Files, clock);
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);

        Directory.Delete(Path.Combine(_folder, "..data"));
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "second");
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject); // within the check interval
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("CN=second", certificate.Current.TargetCertificate.Subject);
    }

    [Fact]
    public void Mismatched_files_leave_the_previous_certificate_in_use()
    {
        using var root = Authority.Root();
        var clock = new MovedClock();
        Write(root, "first");
        var certificate = new ServerCertificate(Files, clock);
        root.Sign("second").Write(Files.CertificateFile!, Path.Combine(_folder, "another.key")); // the new key is not in place yet
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);
        File.Move(Path.Combine(_folder, "another.key"), Files.KeyFile!, overwrite: true);
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("CN=second", certificate.Current.TargetCertificate.Subject);
        File.Delete(Files.KeyFile!);
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("CN=second", certificate.Current.TargetCertificate.Subject);
    }

    [Theory]
    [InlineData("https://127.0.0.1:0", false, "Api:Tls:CertificateFile")]
    [InlineData("http://127.0.0.1:0", true, "begins with https://")]
    [InlineData("https://127.0.0.1:0", true, "cannot be used")]
    public async Task Invalid_TLS_options_stop_the_start(string listen, bool given, string named)
    {
        var options = new ApiOptions { Tls = given ? Files : new ApiTlsOptions() }; // the files do not exist
        var wrong = await Assert.ThrowsAsync<ApiConfigurationException>(() =>
            RunningApi.StartAsync(options, worker: false, listen: listen)
        );
        Assert.Contains(named, wrong.Message, StringComparison.Ordinal);
    }

    private Task<RunningApi> StartAsync(params ApiKey[] keys) =>
        RunningApi.StartAsync(new ApiOptions { Keys = keys, Tls = Files }, worker: false, listen: "https://127.0.0.1:0");

    private void Write(Authority root, string name) => root.Sign(name).Write(Files.CertificateFile!, Files.KeyFile!);

    private static async Task<string> ShownAsync(RunningApi api)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", api.Client.BaseAddress!.Port, Cancel);
        await using var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("127.0.0.1");
        return tls.RemoteCertificate!.Subject;
    }

    private sealed class MovedClock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan by) => _ticks += by.Ticks;
    }

    /// <summary>Root certificate with an intermediate certificate that signs.</summary>
    private sealed class Authority(X509Certificate2 root, X509Certificate2 between) : IDisposable
    {
        public static Authority Root()
        {
            using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var (from, until) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(20));
            var root = Issuer($"CN=root {Guid.NewGuid():N}", rootKey).CreateSelfSigned(from, until.AddDays(10));
            using var betweenKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var between = Issuer("CN=between", betweenKey).Create(root, from, until, [1]);
            return new Authority(root, between.CopyWithPrivateKey(betweenKey));
        }

        public X509ChainPolicy Trusted() =>
            new()
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { X509CertificateLoader.LoadCertificate(root.RawData) },
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            };

        public Signed Sign(string name)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(System.Net.IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            var (from, until) = (DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(10));
            using var leaf = request.Create(between, from, until, RandomNumberGenerator.GetBytes(8));
            return new Signed($"{leaf.ExportCertificatePem()}\n{between.ExportCertificatePem()}\n", key.ExportPkcs8PrivateKeyPem());
        }

        public void Dispose()
        {
            root.Dispose();
            between.Dispose();
        }

        private static CertificateRequest Issuer(string name, ECDsa key)
        {
            var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
            const X509KeyUsageFlags usage = X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, critical: true));
            return request;
        }
    }

    private sealed record Signed(string Certificates, string Key)
    {
        public void Write(string certificateFile, string keyFile)
        {
            File.WriteAllText(certificateFile, Certificates);
            File.WriteAllText(keyFile, Key);
        }
    }
}
