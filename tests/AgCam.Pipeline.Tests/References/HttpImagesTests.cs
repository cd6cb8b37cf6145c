using System.Net;
using System.Net.Sockets;
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

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("100.127.255.255")]
    [InlineData("127.0.0.1")]
    [InlineData("127.8.8.8")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("192.0.0.170")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("64:ff9b::a00:1")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("2002:a00:1::")]
    [InlineData("2001::1")]
    [InlineData("2001:db8::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12:3456::1")]
    [InlineData("fe80::1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public void Addresses_that_are_not_public_are_known(string address) => Assert.False(PublicAddress.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("100.63.255.255")]
    [InlineData("172.32.0.1")]
    [InlineData("2606:4700::1111")]
    [InlineData("2a00:1450:4001::1")]
    public void Public_addresses_are_known(string address) => Assert.True(PublicAddress.IsPublic(IPAddress.Parse(address)));

    [Fact]
    public async Task An_image_of_an_allowed_host_comes_as_it_is()
    {
        Answer("200 OK", "the bytes");
        Assert.Equal("the bytes", Encoding.ASCII.GetString(await ReadAsync(Allowed())));
    }

    [Fact]
    public async Task A_host_that_is_not_listed_is_not_asked()
    {
        Answer("200 OK", "the bytes");
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(Allowed() with { Hosts = ["images.example.org", "*.localhost"] })).Reason);
        Assert.Equal(0, _asked);
    }

    [Fact]
    public async Task A_listed_host_whose_address_is_this_machine_is_not_asked()
    {
        Answer("200 OK", "the bytes");
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(Allowed() with { Networks = [] })).Reason); // also how a rebinding name fares: the address counts
        Assert.Equal(0, _asked);
    }

    [Theory]
    [InlineData("http://127.0.0.1/")]
    [InlineData("http://169.254.169.254/latest/meta-data/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://user:password@localhost/")]
    public async Task A_redirect_is_judged_like_the_first_address(string to)
    {
        Answer("302 Found", "", $"Location: {to}");
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(Allowed())).Reason);
        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task Three_redirects_to_allowed_hosts_are_followed()
    {
        AnswerInTurn(
            ("302 Found", $"Location: http://localhost:{Port}/b.png"), ("307 Temporary Redirect", "Location: /c.png"), ("308 Permanent Redirect", "Location: d.png"), ("200 OK", null));
        Assert.Equal("the bytes", Encoding.ASCII.GetString(await ReadAsync(Allowed())));
        Assert.Equal(4, _asked);
    }

    [Fact]
    public async Task A_redirect_from_an_allowed_host_to_another_one_is_refused_at_any_step()
    {
        AnswerInTurn(("302 Found", "Location: /b.png"), ("302 Found", $"Location: http://127.0.0.1:{Port}/c.png"), ("200 OK", null));
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(Allowed())).Reason);
        Assert.Equal(2, _asked);
    }

    [Fact]
    public async Task Redirects_end_after_three()
    {
        Answer("302 Found", "", "Location: /again");
        Assert.Equal(ReferenceFailure.NotAllowed, (await FailsAsync(Allowed())).Reason);
        Assert.Equal(4, _asked);
    }

    [Fact]
    public async Task Too_many_bytes_are_not_read()
    {
        Answer("200 OK", new string('x', 2000));
        Assert.Equal(ImageFailure.TooManyBytes, (await FailsAsync(Allowed() with { Limits = new ImageLimits { MaxBytes = 1000 } })).Reason);
    }

    [Fact]
    public async Task A_host_in_trouble_is_asked_again_and_then_unreachable()
    {
        Answer("503 Service Unavailable", "");
        Assert.Equal(ReferenceFailure.Unreachable, (await FailsAsync(Allowed())).Reason);
        Assert.Equal(3, _asked);
    }

    [Fact]
    public async Task A_host_that_dribbles_runs_out_of_time()
    {
        Answer("200 OK", new string('x', 1000), slowly: true);
        Assert.Equal(ReferenceFailure.Unreachable, (await FailsAsync(Allowed() with { HttpSeconds = 0.3 })).Reason);
    }

    private static ReferenceOptions Allowed() => new() { Hosts = ["localhost"], Networks = ["127.0.0.0/8", "::1/128"] };

    private async Task<byte[]> ReadAsync(ReferenceOptions options)
    {
        using var http = new HttpImages(options);
        return await http.ReadAsync($"http://localhost:{Port}/a.png", Cancel);
    }

    private Task<ImageException> FailsAsync(ReferenceOptions options) => Assert.ThrowsAsync<ImageException>(() => ReadAsync(options));

    /// <summary>Each request the next answer; the last one for all that follow.</summary>
    private void AnswerInTurn(params (string Status, string? Header)[] answers) => Answer(() => answers[Math.Min(_asked, answers.Length) - 1], "the bytes");

    private void Answer(string status, string body, string? header = null, bool slowly = false) => Answer(() => (status, header), body, slowly);

    private void Answer(Func<(string Status, string? Header)> next, string body, bool slowly = false) => _ = Task.Run(async () =>
    {
        while (true)
        {
            using var client = await _listener.AcceptTcpClientAsync(Cancel);
            await using var stream = client.GetStream();
            using var reader = new StreamReader(stream, leaveOpen: true);
            while (!string.IsNullOrEmpty(await reader.ReadLineAsync(Cancel)))
            {
            }
            Interlocked.Increment(ref _asked);
            var (status, header) = next();
            var head = $"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {body.Length}\r\n{(header is null ? "" : header + "\r\n")}\r\n";
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
            catch (IOException)
            {
            }
        }
    });
}
