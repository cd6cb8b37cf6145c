using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using AgCam.Images;
using AgCam.Pipeline.References;
using Xunit;

namespace AgCam.Pipeline.Tests.References;

public sealed class HttpImagesTests : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private int _asked;

    public HttpImagesTests() => _listener.Start();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose() => _listener.Dispose();

    /// <summary>At least one address of each private range.</summary>
    public static TheoryData<string> NotPublic =>
        [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.170",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];

    [Theory]
    [MemberData(nameof(NotPublic))]
    public void Private_address_is_not_public(string address) => Assert.False(PublicAddress.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("100.63.255.255")]
    [InlineData("172.32.0.1")]
    [InlineData("2606:4700::1111")]
    [InlineData("2a00:1450:4001::1")]
    public void Public_address_is_public(string address) => Assert.True(PublicAddress.IsPublic(IPAddress.Parse(address)));

    [Fact]
    public async Task Image_of_an_allowed_host_is_read_unchanged()
    {
        Answer("200 OK", "the bytes");
        Assert.Equal("the bytes", Encoding.ASCII.GetString(await ReadAsync(Allowed())));
    }

    [Fact]
    public async Task Unlisted_host_is_not_called()
    {
        Answer("200 OK", "the bytes");
        var others = Allowed() with { Hosts = [$"images.example.org:{Port}", $"*.localhost:{Port}"] };
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(others)).Reason);
        Assert.Equal(0, _asked);
    }

    [Fact]
    public async Task Listed_host_that_resolves_to_loopback_is_not_called()
    {
        Answer("200 OK", "the bytes");
        // The address counts, so a rebinding name gets the same answer.
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(Allowed() with { Networks = [] })).Reason);
        Assert.Equal(0, _asked);
    }

    [Theory]
    [MemberData(nameof(NotPublic))]
    public async Task Listed_host_that_resolves_to_a_private_address_is_not_called(string address)
    {
        var options = new ReferenceOptions { Hosts = [$"images.example.org:{Port}"] };
        using var http = new HttpImages(options, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse(address)]));
        var failure = await Assert.ThrowsAsync<ImageException>(() => http.ReadAsync($"http://images.example.org:{Port}/a.png", Cancel));
        Assert.Equal(ReferenceFailure.NotAllowed, failure.Reason);
        Assert.Contains(IPAddress.Parse(address).ToString(), failure.Message);
    }

    [Theory]
    [MemberData(nameof(NotPublic))]
    public async Task Listed_private_address_is_not_called(string address)
    {
        var host = address.Contains(':') ? $"[{address}]" : address;
        Answer("200 OK", "the bytes");
        using var http = new HttpImages(new ReferenceOptions { Hosts = [AllowedHost.Of(new Uri($"http://{host}:{Port}"))] });
        var failure = await Assert.ThrowsAsync<ImageException>(() => http.ReadAsync($"http://{host}:{Port}/a.png", Cancel));
        Assert.Equal(0, _asked);
        if (address is "0.0.0.0" or "::")
            Assert.Equal(ReferenceFailure.Unreachable, failure.Reason); // .NET does not resolve the unspecified address
        else
            Assert.Contains("no address on the public internet", failure.Message); // the host itself is allowed
    }

    [Fact]
    public async Task Checked_address_is_the_one_that_is_called()
    {
        using var elsewhere = new TcpListener(Elsewhere, Port);
        elsewhere.Start();
        var lookUps = new Queue<IPAddress[]>([
            [IPAddress.Loopback],
            [Elsewhere],
            [Elsewhere],
        ]);
        using var http = new HttpImages(Rebinding(), (_, _) => Task.FromResult(lookUps.Dequeue()));
        Answer("200 OK", "the bytes");
        Assert.Equal("the bytes", Encoding.ASCII.GetString(await http.ReadAsync($"http://images.example.org:{Port}/a.png", Cancel)));
        Assert.Equal(2, lookUps.Count);
        Assert.False(elsewhere.Pending());
    }

    [Fact]
    public async Task Address_is_checked_again_for_every_connection()
    {
        using var elsewhere = new TcpListener(Elsewhere, Port);
        elsewhere.Start();
        var lookUps = new Queue<IPAddress[]>([
            [IPAddress.Loopback],
            [Elsewhere],
        ]);
        using var http = new HttpImages(Rebinding(), (_, _) => Task.FromResult(lookUps.Dequeue()));
        AnswerInOrder(("302 Found", "Location: /b.png"), ("200 OK", null));
        var failure = await Assert.ThrowsAsync<ImageException>(() => http.ReadAsync($"http://images.example.org:{Port}/a.png", Cancel));
        Assert.Equal(ReferenceFailure.NotAllowed, failure.Reason);
        Assert.Equal((1, 0), (_asked, lookUps.Count));
        Assert.False(elsewhere.Pending());
    }

    [Fact]
    public async Task Only_the_allowed_ones_of_several_addresses_are_called()
    {
        using var elsewhere = new TcpListener(Elsewhere, Port);
        elsewhere.Start();
        using var http = new HttpImages(
            Rebinding(),
            (_, _) => Task.FromResult<IPAddress[]>([Elsewhere, IPAddress.Parse("::1"), IPAddress.Loopback])
        );
        Answer("200 OK", "the bytes");
        Assert.Equal("the bytes", Encoding.ASCII.GetString(await http.ReadAsync($"http://images.example.org:{Port}/a.png", Cancel)));
        Assert.False(elsewhere.Pending());
    }

    /// <summary>
    /// .NET reads HTTP_PROXY into the default proxy of the process. This test sets a default proxy for its own host only.
    /// </summary>
    [Fact]
    public async Task Proxy_of_the_environment_is_not_used()
    {
        using var proxy = new TcpListener(IPAddress.Loopback, 0);
        proxy.Start();
        var before = HttpClient.DefaultProxy;
        HttpClient.DefaultProxy = new ProxyForOne(
            "proxied.example.org",
            new Uri($"http://127.0.0.1:{((IPEndPoint)proxy.LocalEndpoint).Port}")
        );
        try
        {
            var options = Rebinding() with { Hosts = [$"proxied.example.org:{Port}"], HttpSeconds = 5 };
            using var http = new HttpImages(options, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]));
            Answer("200 OK", "the bytes");
            Assert.Equal("the bytes", Encoding.ASCII.GetString(await http.ReadAsync($"http://proxied.example.org:{Port}/a.png", Cancel)));
            Assert.False(proxy.Pending());
        }
        finally
        {
            HttpClient.DefaultProxy = before;
        }
    }

    [Theory]
    [InlineData("http://127.0.0.1/")]
    [InlineData("http://169.254.169.254/latest/meta-data/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://user:password@localhost/")]
    public async Task Redirect_is_checked_like_the_first_address(string to)
    {
        Answer("302 Found", "", $"Location: {to}");
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(Allowed())).Reason);
        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task Other_ports_of_an_allowed_host_are_not_called()
    {
        Answer("200 OK", "the bytes");
        var failure = await FailsAsync(Allowed() with { Hosts = ["localhost", "localhost:8443"] });
        Assert.Equal(ReferenceFailure.NotAllowed, failure.Reason);
        Assert.Contains($"localhost:{Port} is not an allowed host and port", failure.Message);
        Assert.Equal(0, _asked);
    }

    [Fact]
    public async Task Redirect_to_another_port_of_an_allowed_host_is_refused()
    {
        using var elsewhere = new TcpListener(IPAddress.Loopback, 0);
        elsewhere.Start();
        Answer("302 Found", "", $"Location: http://localhost:{((IPEndPoint)elsewhere.LocalEndpoint).Port}/admin");
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(Allowed())).Reason);
        Assert.Equal(1, _asked);
        Assert.False(elsewhere.Pending());
    }

    /// <summary>A certificate may name an address of its issuer's certificate. A call there would bypass all rules.</summary>
    [Fact]
    public async Task Address_in_a_certificate_is_not_called()
    {
        using var issuer = new TcpListener(IPAddress.Loopback, 0);
        issuer.Start();
        var address = new Uri($"http://127.0.0.1:{((IPEndPoint)issuer.LocalEndpoint).Port}/issuer.cer");
        using var certificate = SelfMade.LeafThatNamesItsIssuerAt(address);
        var serving = ServeTlsAsync(certificate);
        using var http = new HttpImages(Allowed() with { HttpSeconds = 20 });
        var failure = await Assert.ThrowsAsync<ImageException>(() => http.ReadAsync($"https://localhost:{Port}/a.png", Cancel));
        Assert.Equal(ReferenceFailure.Unreachable, failure.Reason);
        Assert.False(issuer.Pending());
    }

    [Fact]
    public async Task Three_redirects_to_allowed_hosts_are_followed()
    {
        AnswerInOrder(
            ("302 Found", $"Location: http://localhost:{Port}/b.png"),
            ("307 Temporary Redirect", "Location: /c.png"),
            ("308 Permanent Redirect", "Location: d.png"),
            ("200 OK", null)
        );
        Assert.Equal("the bytes", Encoding.ASCII.GetString(await ReadAsync(Allowed())));
        Assert.Equal(4, _asked);
    }

    [Fact]
    public async Task Redirect_to_a_host_that_is_not_allowed_is_refused_at_any_step()
    {
        AnswerInOrder(("302 Found", "Location: /b.png"), ("302 Found", $"Location: http://127.0.0.1:{Port}/c.png"), ("200 OK", null));
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(Allowed())).Reason);
        Assert.Equal(2, _asked);
    }

    [Fact]
    public async Task Fourth_redirect_is_refused()
    {
        Answer("302 Found", "", "Location: /again");
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(Allowed())).Reason);
        Assert.Equal(4, _asked);
    }

    [Fact]
    public async Task Response_over_the_size_limit_is_refused()
    {
        Answer("200 OK", new string('x', 2000));
        Assert.Equal(ImageFailure.TooManyBytes, (await FailsAsync(Allowed() with { Limits = new ImageLimits { MaxBytes = 1000 } })).Reason);
    }

    [Fact]
    public async Task Failing_host_is_retried_and_then_unreachable()
    {
        Answer("503 Service Unavailable", "");
        Assert.Equal(ReferenceFailure.Unreachable, (await FailsAsync(Allowed())).Reason);
        Assert.Equal(3, _asked);
    }

    [Fact]
    public async Task Slow_response_times_out()
    {
        Answer("200 OK", new string('x', 1000), slowly: true);
        Assert.Equal(ReferenceFailure.Unreachable, (await FailsAsync(Allowed() with { HttpSeconds = 0.3 })).Reason);
    }

    /// <summary>Loopback address outside the allowed network.</summary>
    private static IPAddress Elsewhere { get; } = IPAddress.Parse("127.0.0.2");

    private ReferenceOptions Rebinding() => new() { Hosts = [$"images.example.org:{Port}"], Networks = ["127.0.0.1/32"] };

    private ReferenceOptions Allowed() => new() { Hosts = ["localhost", $"localhost:{Port}"], Networks = ["127.0.0.0/8", "::1/128"] };

    private async Task<byte[]> ReadAsync(ReferenceOptions options)
    {
        using var http = new HttpImages(options);
        return await http.ReadAsync($"http://localhost:{Port}/a.png", Cancel);
    }

    private Task<ImageException> FailsAsync(ReferenceOptions options) => Assert.ThrowsAsync<ImageException>(() => ReadAsync(options));

    /// <summary>Answers TLS handshakes. They fail because the client does not trust the certificate.</summary>
    private async Task ServeTlsAsync(X509Certificate2 certificate)
    {
        while (true)
        {
            using var client = await _listener.AcceptTcpClientAsync(Cancel);
            await using var tls = new SslStream(client.GetStream());
            try
            {
                var shown = SslStreamCertificateContext.Create(certificate, null, offline: true);
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = shown }, Cancel);
                _ = await tls.ReadAsync(new byte[1], Cancel);
            }
            catch (Exception refused) when (refused is IOException or AuthenticationException)
            {
                // The client closed the connection.
            }
        }
    }

    /// <summary>Gives each request the next answer, and the last answer to all further requests.</summary>
    private void AnswerInOrder(params (string Status, string? Header)[] answers) =>
        Answer(() => answers[Math.Min(_asked, answers.Length) - 1], "the bytes");

    private void Answer(string status, string body, string? header = null, bool slowly = false) =>
        Answer(() => (status, header), body, slowly);

    private void Answer(Func<(string Status, string? Header)> next, string body, bool slowly = false) =>
        _ = Task.Run(async () =>
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(Cancel);
                await using var stream = client.GetStream();
                using var reader = new StreamReader(stream, leaveOpen: true);
                while (!string.IsNullOrEmpty(await reader.ReadLineAsync(Cancel))) { }
                Interlocked.Increment(ref _asked);
                var (status, header) = next();
                var head =
                    $"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: "
                    + $"{body.Length}\r\n{(header is null ? "" : header + "\r\n")}\r\n";
                await stream.WriteAsync(Encoding.ASCII.GetBytes(head), Cancel);
                try
                {
                    foreach (var part in slowly ? body.Chunk(1).Select(part => new string(part)) : [body])
                    {
                        await stream.WriteAsync(Encoding.ASCII.GetBytes(part), Cancel);
                        if (slowly)
                            await Task.Delay(50, Cancel);
                    }
                }
                catch (IOException) { }
            }
        });

    private static class SelfMade
    {
        public static X509Certificate2 LeafThatNamesItsIssuerAt(Uri address)
        {
            using var issuerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var issuer = new CertificateRequest("CN=an issuer that is not sent", issuerKey, HashAlgorithmName.SHA256);
            issuer.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            using var authority = issuer.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var leaf = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("localhost");
            leaf.CertificateExtensions.Add(names.Build());
            leaf.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(null, [address.AbsoluteUri]));
            using var signed = leaf.Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), [1, 2, 3, 4]);
            using var whole = signed.CopyWithPrivateKey(key);
            return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
        }
    }

    private sealed class ProxyForOne(string host, Uri proxy) : IWebProxy
    {
        public ICredentials? Credentials { get; set; }

        public Uri? GetProxy(Uri destination) => IsBypassed(destination) ? null : proxy;

        public bool IsBypassed(Uri destination) => destination.Host != host;
    }
}
