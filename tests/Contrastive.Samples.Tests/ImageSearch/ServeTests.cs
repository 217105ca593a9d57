using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using SkiaSharp;

namespace Contrastive.Samples.Tests.ImageSearch;

public sealed class ServeTests(Served served) : IClassFixture<Served>
{
    [Fact]
    public async Task A_text_finds_pictures_with_their_captions()
    {
        var (status, answer) = await Read(await Get("/search?text=all%20red"));

        status.Should().Be(HttpStatusCode.OK);
        var pictures = answer.GetProperty("pictures").EnumerateArray().ToArray();
        pictures.Select(picture => picture.GetProperty("name").GetString()).Should().BeEquivalentTo("red.png", "drawn.svg").And.HaveCount(2, "--top says so");
        var red = pictures.Single(picture => picture.GetProperty("name").GetString() == "red.png");
        red.GetProperty("captions").EnumerateArray().Should().ContainSingle().Which.GetString().Should().Be(Served.Markup);
        pictures[0].GetProperty("score").GetDouble().Should().BeInRange(pictures[1].GetProperty("score").GetDouble(), 1.000001);
        answer.GetProperty("captions").GetArrayLength().Should().Be(0, "a text asks for pictures");
    }

    [Theory]
    [InlineData("blue.png", "all blue")]
    [InlineData("red.png", Served.Markup)]
    public async Task A_picture_finds_itself_and_captions(string name, string caption)
    {
        var (status, answer) = await Read(await Post(served.Picture(name)));

        status.Should().Be(HttpStatusCode.OK);
        answer.GetProperty("pictures")[0].GetProperty("name").GetString().Should().Be(name);
        answer.GetProperty("pictures")[0].GetProperty("score").GetDouble().Should().BeApproximately(1, 1e-5);
        answer.GetProperty("captions")[0].GetProperty("caption").GetString().Should().Be(caption);
    }

    [Fact]
    public async Task Many_at_once_are_answered_as_each_alone()
    {
        var alone = await Task.WhenAll(Asks().Select(async ask => Names((await Read(await ask())).Answer)));

        var together = await Task.WhenAll(Enumerable.Range(0, 8).SelectMany(_ => Asks()).Select(ask => Task.Run(async () => Names((await Read(await ask())).Answer))));

        together.Chunk(alone.Length).Should().AllSatisfy(answers => answers.Should().Equal(alone));

        // Without the scores: their last digits depend on where in memory a tensor lies.
        static string Names(JsonElement answer) => string.Join(", ",
            answer.GetProperty("pictures").EnumerateArray().Select(picture => picture.GetProperty("name"))
                .Concat(answer.GetProperty("captions").EnumerateArray().Select(caption => caption.GetProperty("caption"))));

        Func<Task<HttpResponseMessage>>[] Asks() => [() => Get("/search?text=all%20red"), () => Get("/search?text=all%20blue"), () => Post(served.Picture("drawn.svg"))];
    }

    [Fact]
    public async Task Pictures_are_served_as_png_by_number_and_nothing_else_is()
    {
        var (_, answer) = await Read(await Post(served.Picture("drawn.svg")));
        var number = answer.GetProperty("pictures").EnumerateArray().Single(picture => picture.GetProperty("name").GetString() == "drawn.svg").GetProperty("index").GetInt32();

        var response = await Get($"/pictures/{number}");

        response.Content.Headers.ContentType!.MediaType.Should().Be("image/png");
        using var shown = SKBitmap.Decode(await response.Content.ReadAsByteArrayAsync());
        shown.GetPixel(70, 70).Should().Be(new SKColor(200, 60, 40));
        foreach (var unknown in new[] { "3", "-1", "99999999999999999999", "red.png", "../notes.txt", "%2e%2e%2fnotes.txt", "" })
            (await Get($"/pictures/{unknown}")).StatusCode.Should().Be(HttpStatusCode.NotFound, unknown);
        (await Get("/notes.txt")).StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await Read(await Get("/pictures/3"))).Answer.GetProperty("error").GetString().Should().Be("there is no picture 3, only 0 to 2");
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("no picture", "is not a picture that can be read")]
    [InlineData("<svg", "is an svg that cannot be read")]
    public async Task What_is_no_picture_is_refused_by_what_is_wrong(string content, string reason)
        => await Refused(await Post(System.Text.Encoding.UTF8.GetBytes(content)), HttpStatusCode.BadRequest, reason);

    [Fact]
    public async Task A_picture_of_absurd_size_is_refused_before_it_is_decoded()
    {
        await Refused(await Post(AbsurdPng.Of(60_000, 60_000)), HttpStatusCode.BadRequest, "60000 x 60000 pixels");
    }

    /// <summary>So large that it is not on its way when the answer is known: the connection must not break before the answer is read.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_picture_larger_than_the_limit_is_refused_with_the_limit(bool lengthUntold)
    {
        using var content = lengthUntold ? new StreamContent(new Untold(new byte[50_000_000])) : (HttpContent)new ByteArrayContent(new byte[50_000_000]);

        await Refused(await Post(content), HttpStatusCode.RequestEntityTooLarge, "larger than 1 MB (--max-upload)");
    }

    [Theory]
    [InlineData("/search", "has no words")]
    [InlineData("/search?text=%3F!", "has no words")]
    public async Task A_text_without_words_is_refused(string address, string reason) => await Refused(await Get(address), HttpStatusCode.BadRequest, reason);

    [Fact]
    public async Task A_text_too_long_is_refused()
        => await Refused(await Get($"/search?text={new string('a', 1001)}"), HttpStatusCode.BadRequest, "1001 characters, more than 1000");

    [Fact]
    public async Task Every_response_has_headers_that_keep_the_page_to_itself()
    {
        foreach (var address in new[] { "/", "/search?text=red", "/search", "/pictures/0", "/pictures/7", "/nowhere" })
        {
            var headers = (await Get(address)).Headers;
            headers.GetValues("Content-Security-Policy").Single().Should().Contain("default-src 'none'").And.NotContain("unsafe").And.Contain("frame-ancestors 'none'");
            headers.GetValues("X-Content-Type-Options").Should().Equal("nosniff");
            headers.GetValues("Cache-Control").Should().Equal("no-store");
            headers.Contains("Server").Should().BeFalse();
        }

        var page = await (await Get("/")).Content.ReadAsStringAsync();
        page.Should().Contain("textContent").And.NotContain("innerHTML").And.NotContain("http://").And.NotContain("https://");
    }

    [Fact]
    public async Task Another_sites_form_and_a_name_of_its_own_for_this_machine_are_refused()
    {
        using var form = new ByteArrayContent(served.Picture("red.png"));
        form.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        (await served.Client.PostAsync(Relative("/search"), form)).StatusCode.Should().Be(HttpStatusCode.UnsupportedMediaType);
        using var renamed = new HttpRequestMessage(HttpMethod.Get, Relative("/pictures/0")) { Headers = { Host = "elsewhere.example" } };
        (await served.Client.SendAsync(renamed)).StatusCode.Should().Be(HttpStatusCode.BadRequest);
    }

    [Fact]
    public void What_cannot_be_served_is_refused_by_its_option()
    {
        Serve("--port", "70000").Should().ContainAll("--port", "65535");
        Serve("--port", $"{served.Port}").Should().ContainAll("--port", $"{served.Port}", "in use");
        Serve("--host", "elsewhere").Should().ContainAll("--host", "elsewhere");
        Serve("--max-upload", "0").Should().Contain("--max-upload");
        Serve("--captions", "a.tsv").Should().Contain("--captions needs --images");
        RunSearch.With("serve", "--model", "nowhere").Error.Should().ContainAll("--model", "no such folder");

        string Serve(params string[] more)
        {
            var (code, _, error) = RunSearch.With(["serve", "--model", served.Model, .. more]);
            code.Should().Be(2, error);
            return error;
        }
    }

    [Fact]
    public async Task A_browser_shows_the_answers_to_the_addresss_query_and_captions_as_text()
    {
        if (!IsThereABrowser())
            return;
        await using var browser = await Chromium.Open(Chromium.Path!, new Uri(served.Address, "/#q=all+red"));

        var page = await browser.Answered();

        page.Should().Contain("Nearest to “all red”");
        page.Should().Contain("all red &lt;b id=\"marked\"&gt;bold&lt;/b&gt; &amp; more", "captions are text").And.NotContain("<b id=");
        page.Should().Contain("src=\"/pictures/").And.NotContain("all blue");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_picture_that_is_chosen_or_dropped_in_a_browser_shows_the_nearest(bool isDropped)
    {
        if (!IsThereABrowser())
            return;
        await using var browser = await Chromium.Open(Chromium.Path!, served.Address);

        await Give("blue.png");

        (await browser.Answered()).Should().Contain("Nearest to blue.png");
        (await browser.Evaluate("document.querySelector('#pictures li .said').textContent")).Should().Be("all blue");
        (await browser.Evaluate("document.querySelector('#captions li').textContent")).Should().StartWith("all blue (");
        (await Loaded("#pictures img")).Should().Be("all");
        (await Loaded("#asked img")).Should().Be("all", "the picture asked with is shown, which the policy allows");
        (await browser.Evaluate("document.body.className")).Should().BeEmpty("nothing is over the page any more");

        await Give("notes.txt");

        (await browser.Answered("refused")).Should().Contain("is not a picture that can be read");
        (await browser.Evaluate("`${document.querySelectorAll('#pictures li').length}`")).Should().Be("0");

        Task Give(string name) => isDropped ? browser.Drop(served.PathOf(name)) : browser.Choose("#file", served.PathOf(name));

        async Task<string> Loaded(string images)
        {
            for (var i = 0; i < 250; i++)
            {
                var state = await browser.Evaluate($"[...document.querySelectorAll('{images}')].every(image => image.complete && image.naturalWidth > 0) ? 'all' : 'some'");
                if (state == "all")
                    return state;
                await Task.Delay(20);
            }

            return "some";
        }
    }

    private static bool IsThereABrowser()
    {
        if (Chromium.Path is not null)
            return true;
        Environment.GetEnvironmentVariable("CI").Should().NotBe("true", "there the page is to be tested in a browser: install chromium");
        return false;
    }

    private static Uri Relative(string address) => new(address, UriKind.Relative);

    private Task<HttpResponseMessage> Get(string address) => served.Client.GetAsync(Relative(address));

    private Task<HttpResponseMessage> Post(byte[] content) => Post(new ByteArrayContent(content));

    private Task<HttpResponseMessage> Post(HttpContent content)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return served.Client.PostAsync(Relative("/search"), content);
    }

    private static async Task<(HttpStatusCode Status, JsonElement Answer)> Read(HttpResponseMessage response)
    {
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return (response.StatusCode, json.RootElement.Clone());
    }

    private static async Task Refused(HttpResponseMessage response, HttpStatusCode status, string reason)
    {
        response.StatusCode.Should().Be(status);
        (await Read(response)).Answer.GetProperty("error").GetString().Should().Contain(reason);
    }

    /// <summary>A stream whose length nobody knows beforehand, so that it is sent in chunks.</summary>
    private sealed class Untold(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;
    }
}
