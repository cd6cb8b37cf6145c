using System.Buffers.Binary;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using AgCam.Images;

namespace AgCam.Api.Tests.Resources;

public class ExplanationsTests(SharedApi shared) : IClassFixture<SharedApi>
{
    private RunningApi Api => shared.Api;

    [Fact]
    public async Task Explanation_contains_predictions_and_the_raw_map()
    {
        var result = await Api.ExplainAsync(RunningApi.Picture(1));
        var id = (string)result["item"]!["explanation"]!;
        var explanation = await Api.GetAsync($"/v1/explanations/{id}");
        Assert.Equal("blue", (string?)explanation["predictions"]![0]!["name"]);
        Assert.Equal(300, (int)explanation["picture"]!["width"]!);
        var target = explanation["targets"]![0]!;
        Assert.Equal(["predicted"], target["targets"]!.AsArray().Select(name => (string?)name));
        Assert.Equal("float16", (string?)target["dtype"]);
        var map = Convert.FromBase64String((string)target["map"]!);
        Assert.Equal(2 * 14 * 14, map.Length);
        Assert.Equal(2f, (float)BinaryPrimitives.ReadHalfLittleEndian(map));
        Assert.Equal(0.5f, (float)BinaryPrimitives.ReadHalfLittleEndian(map.AsSpan(2 * 4)));
    }

    [Fact]
    public async Task Class_that_several_targets_ask_for_has_one_map_with_the_name_of_each()
    {
        var body = new JsonObject { ["uri"] = Api.AddPicture(31), ["targets"] = new JsonArray("predicted", "class:blue", "top:3") };
        var result = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/explanations?wait=30", body), 200);
        var id = (string)result["item"]!["explanation"]!;
        var targets = (await Api.GetAsync($"/v1/explanations/{id}"))["targets"]!.AsArray();
        Assert.Equal(
            ["predicted,class:2,top:3", "top:3", "top:3"],
            targets.Select(target => string.Join(',', target!["targets"]!.AsArray().Select(name => (string?)name)))
        );
        Assert.Equal(["blue", "green", "red"], targets.Select(target => (string?)target!["name"]));
    }

    [Fact]
    public async Task Target_parameter_finds_a_map_by_its_number_and_by_each_target_that_asked_for_it()
    {
        var body = new JsonObject { ["uri"] = Api.AddPicture(32), ["targets"] = new JsonArray("class:red", "predicted", "top:2") };
        var result = await RunningApi.JsonAsync(await Api.SendJsonAsync("/v1/explanations?wait=30", body), 200);
        var id = (string)result["item"]!["explanation"]!;
        foreach (var form in new[] { "overlay.png", "heatmap.png", "heatmap" })
        {
            var maps = new[] { await TagAsync(form, "0"), await TagAsync(form, "1"), await TagAsync(form, "2") };
            Assert.Equal(3, maps.Distinct().Count());
            Assert.Equal(maps[0], await TagAsync(form, "class:0"));
            Assert.Equal(maps[1], await TagAsync(form, "predicted"));
            Assert.Equal(maps[1], await TagAsync(form, "top:2"));
            var answer = await Api.Client.GetAsync($"/v1/explanations/{id}/{form}?target=label");
            var problem = await RunningApi.RefusedAsync(answer, 404, "not-found");
            Assert.Contains("1: predicted, top:2 (blue)", (string)problem["next"]!);
        }

        async Task<string> TagAsync(string form, string target)
        {
            using var answer = await Api.Client.GetAsync($"/v1/explanations/{id}/{form}?target={target}");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return answer.Headers.ETag!.Tag;
        }
    }

    [Fact]
    public async Task Overlay_of_a_referenced_image_may_exceed_the_upload_limit()
    {
        await using var api = await RunningApi.StartAsync(new ApiOptions { MaxUploadBytes = 200, MaxUploadPixels = 200 });
        var result = await RunningApi.JsonAsync(
            await api.SendJsonAsync("/v1/explanations?wait=30", new JsonObject { ["uri"] = api.AddPicture(1) }),
            200
        );
        using var answer = await api.Client.GetAsync($"/v1/explanations/{(string)result["item"]!["explanation"]!}/overlay.png");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task Overlay_is_hot_where_the_map_is_high_and_cold_elsewhere()
    {
        var id = await ExplainedFileAsync(2);
        var overlay = await PictureAsync($"/v1/explanations/{id}/overlay.png?boxes=false&size=300");
        Assert.Equal((300, 200), (overlay.Width, overlay.Height));
        // The model's input is the middle 200 x 200 of 300 x 200: its left edge is at 50.
        Assert.Equal((40, 60, 90), Pixel(overlay, 20, 20));
        Assert.NotEqual((40, 60, 90), Pixel(overlay, 60, 10));
        Assert.Equal((40, 60, 90), Pixel(overlay, 200, 150));
    }

    [Fact]
    public async Task Pictures_accept_size_colormap_opacity_threshold_and_boxes()
    {
        var id = await ExplainedFileAsync(3);
        Assert.Equal((150, 100), Size(await PictureAsync($"/v1/explanations/{id}/overlay.png?size=150&colormap=viridis&opacity=0.5")));
        Assert.Equal((600, 400), Size(await PictureAsync($"/v1/explanations/{id}/overlay.png?size=600")));
        var plain = await PictureAsync($"/v1/explanations/{id}/overlay.png?boxes=false");
        Assert.NotEqual(plain.Pixels, (await PictureAsync($"/v1/explanations/{id}/overlay.png?boxes=true")).Pixels);
        Assert.NotEqual(plain.Pixels, (await PictureAsync($"/v1/explanations/{id}/overlay.png?boxes=false&colormap=jet")).Pixels);
        Assert.Equal(plain.Pixels, (await PictureAsync($"/v1/explanations/{id}/overlay.png?threshold=1")).Pixels);
        Assert.Equal((336, 224), Size(plain)); // of 300 x 200
        var clear = await PictureAsync($"/v1/explanations/{id}/overlay.png?boxes=false&opacity=0&size=300");
        Assert.Equal(ImageDecoder.Decode(RunningApi.Picture(3), ImageLimits.Default).Pixels, clear.Pixels);
        Assert.Equal((64, 64), Size(await PictureAsync($"/v1/explanations/{id}/heatmap.png?size=64&boxes=true")));
    }

    [Theory]
    [InlineData("overlay.png?colormap=rainbow", "rainbow")]
    [InlineData("overlay.png?opacity=2", "opacity=2")]
    [InlineData("overlay.png?size=100000", "size=100000")]
    [InlineData("overlay.png?threshold=-1", "threshold=-1")]
    [InlineData("overlay.png?boxes=perhaps", "boxes=perhaps")]
    [InlineData("overlay.png?color=jet", "color")]
    [InlineData("heatmap.png?opacity=0.5", "opacity")]
    [InlineData("heatmap?size=3", "size")]
    [InlineData("embedding?target=0", "target")]
    public async Task Invalid_parameter_is_named(string picture, string named)
    {
        var id = await ExplainedFileAsync(4);
        var problem = await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/explanations/{id}/{picture}"), 400, "invalid-request");
        Assert.Contains(named, (string)problem["detail"]!);
    }

    [Fact]
    public async Task Array_has_the_format_of_NumPy()
    {
        var id = await ExplainedFileAsync(5);
        var answer = await Api.Client.GetAsync($"/v1/explanations/{id}/heatmap");
        var file = await answer.Content.ReadAsByteArrayAsync();
        Assert.Equal([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0], file[..8]);
        var header = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(8));
        Assert.Equal(0, (10 + header) % 64);
        Assert.StartsWith("{'descr': '<f2', 'fortran_order': False, 'shape': (14, 14), }", Encoding.ASCII.GetString(file, 10, header));
        Assert.Equal((byte)'\n', file[9 + header]);
        Assert.Equal(10 + header + 2 * 14 * 14, file.Length);
        Assert.Equal(2f, (float)BinaryPrimitives.ReadHalfLittleEndian(file.AsSpan(10 + header)));
    }

    [Fact]
    public async Task Embedding_is_an_array_of_NumPy_and_not_in_the_JSON()
    {
        var result = await Api.ExplainAsync(RunningApi.Picture(51));
        var id = (string)result["item"]!["explanation"]!;
        Assert.Equal($"/v1/explanations/{id}/embedding", (string?)result["explanation"]!["embedding"]);
        var file = await Api.Client.GetByteArrayAsync((string?)result["explanation"]!["embedding"]);
        var header = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(8));
        Assert.StartsWith("{'descr': '<f2', 'fortran_order': False, 'shape': (3,), }", Encoding.ASCII.GetString(file, 10, header));
        // The embedding of this engine is its logits; the highest class is the last.
        var logits = result["explanation"]!["logits"]!["values"]!.AsArray().Select(value => (Half)(float)value!).Reverse();
        Assert.Equal(logits, Enumerable.Range(0, 3).Select(i => BinaryPrimitives.ReadHalfLittleEndian(file.AsSpan(10 + header + (2 * i)))));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Explanation_without_embedding_does_not_answer_a_request_that_wants_one(bool isForm)
    {
        var number = isForm ? 52 : 53;
        async Task<JsonNode> ExplainAsync(bool embedding) =>
            isForm
                ? await Api.ExplainAsync(RunningApi.Picture(number), ("embedding", embedding ? "true" : "false"))
                : await RunningApi.JsonAsync(
                    await Api.SendJsonAsync(
                        "/v1/explanations?wait=30",
                        new JsonObject { ["uri"] = Api.AddPicture(number), ["embedding"] = embedding }
                    ),
                    200
                );

        var without = (await ExplainAsync(false))["explanation"]!;
        Assert.Null(without["embedding"]);
        var problem = await RunningApi.RefusedAsync(
            await Api.Client.GetAsync($"/v1/explanations/{(string?)without["id"]}/embedding"),
            404,
            "not-found"
        );
        Assert.Contains("Explain the image again", (string)problem["next"]!);

        var with = (await ExplainAsync(true))["explanation"]!;
        Assert.NotEqual((string?)without["id"], (string?)with["id"]);
        Assert.Equal(HttpStatusCode.OK, (await Api.Client.GetAsync((string?)with["embedding"])).StatusCode);
        Assert.Equal((string?)without["id"], (string?)(await ExplainAsync(false))["item"]!["explanation"]); // it remains
    }

    [Fact]
    public async Task Cached_response_is_answered_with_304()
    {
        var id = await ExplainedFileAsync(6);
        foreach (var form in new[] { "", "/overlay.png", "/overlay.png?size=64", "/heatmap.png", "/heatmap", "/embedding" })
        {
            var first = await Api.Client.GetAsync($"/v1/explanations/{id}{form}");
            Assert.Contains("immutable", first.Headers.CacheControl!.ToString());
            var again = await Api.SendAsync(HttpMethod.Get, $"/v1/explanations/{id}{form}", etag: first.Headers.ETag!.ToString());
            Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
            Assert.Empty(await again.Content.ReadAsByteArrayAsync());
            Assert.Equal(first.Headers.ETag, again.Headers.ETag);
        }
        var item = await Api.Client.GetAsync($"/v1/explanations/{id}/overlay.png");
        var other = await Api.SendAsync(HttpMethod.Get, $"/v1/explanations/{id}/overlay.png?size=65", etag: item.Headers.ETag!.ToString());
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
    }

    [Fact]
    public async Task Changed_original_is_a_409_and_its_heatmap_remains()
    {
        var id = await ExplainedFileAsync(7);
        File.WriteAllBytes(Path.Combine(Api.Folder, "7.png"), RunningApi.Picture(7007));
        var answer = await Api.Client.GetAsync($"/v1/explanations/{id}/overlay.png");
        var problem = await RunningApi.RefusedAsync(answer, 409, "original-changed");
        Assert.Contains("heatmap.png", (string)problem["next"]!);
        Assert.Null(answer.Headers.ETag);
        await PictureAsync($"/v1/explanations/{id}/heatmap.png");
    }

    [Fact]
    public async Task Deleted_original_is_a_410_and_its_heatmap_remains()
    {
        var id = await ExplainedFileAsync(8);
        File.Delete(Path.Combine(Api.Folder, "8.png"));
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/explanations/{id}/overlay.png"), 410, "original-gone");
        await PictureAsync($"/v1/explanations/{id}/heatmap.png");
    }

    [Fact]
    public async Task Overlay_is_drawn_on_an_upload_and_on_any_other_copy_of_it()
    {
        var picture = RunningApi.Picture(9);
        var sent = await Api.ExplainAsync(picture);
        var id = (string)sent["item"]!["explanation"]!;
        await PictureAsync($"/v1/explanations/{id}/overlay.png");
        Assert.Equal(id, await ExplainedFileAsync(9));
        Assert.Equal(HttpStatusCode.NoContent, (await Api.Client.DeleteAsync($"/v1/uploads/{(string)sent["item"]!["uri"]!}")).StatusCode);
        await PictureAsync($"/v1/explanations/{id}/overlay.png");
    }

    [Fact]
    public async Task Every_target_has_its_own_map()
    {
        var result = await Api.ExplainAsync(RunningApi.Picture(10), ("targets", "predicted"), ("targets", "class:red"));
        var (id, targets) = ((string)result["item"]!["explanation"]!, result["explanation"]!["targets"]!.AsArray());
        Assert.Equal(["blue", "red"], targets.Select(target => (string?)target!["name"]));
        Assert.EndsWith("?target=1", (string)targets[1]!["overlay"]!);
        await PictureAsync((string)targets[1]!["overlay"]!);
        var problem = await RunningApi.RefusedAsync(
            await Api.Client.GetAsync($"/v1/explanations/{id}/heatmap.png?target=2"),
            404,
            "not-found"
        );
        Assert.Contains("class:0 (red)", (string)problem["next"]!);
    }

    [Fact]
    public async Task Unknown_explanation_is_a_404_and_a_malformed_id_a_400()
    {
        var nothing = new string('0', 64);
        foreach (var form in new[] { "", "/overlay.png", "/heatmap.png", "/heatmap", "/embedding" })
            await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/explanations/{nothing}{form}"), 404, "not-found");
        await RunningApi.RefusedAsync(await Api.Client.GetAsync("/v1/explanations/../../etc/passwd"), 404, "not-found");
        await RunningApi.RefusedAsync(await Api.Client.GetAsync("/v1/explanations/xyz"), 400, "invalid-request");
    }

    [Fact]
    public async Task Provenance_states_how_the_explanation_was_computed()
    {
        var result = await Api.ExplainAsync(RunningApi.Picture(11));
        var address = $"/v1/provenances/{(string)result["explanation"]!["provenance"]!}";
        var provenance = await Api.GetAsync(address);
        Assert.Equal("corner", (string?)provenance["modelId"]);
        Assert.Contains("224x224", (string)provenance["preprocessing"]!);
        var first = await Api.Client.GetAsync(address);
        Assert.Equal(
            HttpStatusCode.NotModified,
            (await Api.SendAsync(HttpMethod.Get, address, etag: first.Headers.ETag!.ToString())).StatusCode
        );
        await RunningApi.RefusedAsync(await Api.Client.GetAsync($"/v1/provenances/{new string('0', 64)}"), 404, "not-found");
    }

    /// <returns>The explanation's id.</returns>
    private async Task<string> ExplainedFileAsync(int number)
    {
        var path = Api.AddPicture(number);
        var result = await RunningApi.JsonAsync(
            await Api.SendJsonAsync("/v1/explanations?wait=30", new JsonObject { ["uri"] = path }),
            200
        );
        return (string)result["item"]!["explanation"]!;
    }

    private async Task<RgbImage> PictureAsync(string address)
    {
        var answer = await Api.Client.GetAsync(address);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        Assert.Equal("image/png", answer.Content.Headers.ContentType?.MediaType);
        return ImageDecoder.Decode(await answer.Content.ReadAsByteArrayAsync(), ImageLimits.Default);
    }

    private static (int, int) Size(RgbImage image) => (image.Width, image.Height);

    private static (int, int, int) Pixel(RgbImage image, int x, int y)
    {
        var at = 3 * (y * image.Width + x);
        return (image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]);
    }
}
