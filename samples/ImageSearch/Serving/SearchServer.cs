using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Contrastive.Samples.ImageSearch.Serving;

/// <summary>
/// The page, the answers to its queries and the pictures in them, by number: nothing else is served. Picture files that are asked with
/// are read to the memory only, as far as the limit goes.
/// </summary>
internal sealed class SearchServer : IAsyncDisposable
{
    private const string UploadType = "application/octet-stream";
    private const int MostConnections = 100;

    // A picture that is too large is read to its end all the same, and thrown away: whoever is cut off while sending sees a
    // broken connection, and not the answer. Beyond this much it is cut off.
    private const long MostThrownAway = 256 << 20;

    // As a browser names this machine. A page that has had its own name lead here is told apart by that name.
    private static readonly string[] LoopbackNames = ["localhost", "127.0.0.1", "[::1]"];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly WebApplication _application;

    private SearchServer(WebApplication application) => _application = application;

    /// <summary>Where it listens, its port included.</summary>
    public string Address => _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    /// <exception cref="UserError">It cannot listen there.</exception>
    public static async Task<SearchServer> Start(ServeSettings settings, SearchDesk desk, SampleConsole console)
    {
        // Empty: no setting files and no variables of the environment say where it listens.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = settings.LargestUpload + MostThrownAway;
            kestrel.Limits.MaxConcurrentConnections = MostConnections;
            kestrel.Listen(settings.Address, settings.Port);
        });
        builder.Services.AddRouting();
        builder.Services.AddHostFiltering(filter => filter.AllowedHosts = IPAddress.IsLoopback(settings.Address) ? LoopbackNames : ["*"]);
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Patience);
        var application = builder.Build();
        Answer(application, settings, desk, console);
        try
        {
            await application.StartAsync();
        }
        catch (Exception problem) when (problem is IOException or SocketException)
        {
            await application.DisposeAsync();
            throw new UserError($"--host {settings.Address} --port {settings.Port}: {problem.Message}", problem);
        }

        return new SearchServer(application);
    }

    /// <summary>Lets the answers under way be finished.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
    }

    private static void Answer(WebApplication application, ServeSettings settings, SearchDesk desk, SampleConsole console)
    {
        var page = SearchPage.Load();
        application.Use(async (context, next) =>
        {
            var headers = context.Response.Headers;
            headers.ContentSecurityPolicy = page.Policy;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            headers["Cross-Origin-Resource-Policy"] = "same-origin";
            // Another model's pictures may have the same numbers at the same port tomorrow.
            headers.CacheControl = "no-store";
            try
            {
                await next(context);
            }
            catch (InvalidDataException refused)
            {
                await Refuse(StatusCodes.Status400BadRequest, refused.Message).ExecuteAsync(context);
            }
            catch (BadHttpRequestException refused)
            {
                var result = refused.StatusCode == StatusCodes.Status413PayloadTooLarge ? TooLarge(settings) : Refuse(refused.StatusCode, refused.Message);
                await result.ExecuteAsync(context);
            }
            catch (Exception problem) when (!context.Response.HasStarted && problem is not OperationCanceledException)
            {
                console.Line($"{context.Request.Method} {context.Request.Path}: {problem.Message}");
                await Refuse(StatusCodes.Status500InternalServerError, "this went wrong; the console says why").ExecuteAsync(context);
            }
        });
        application.UseHostFiltering();
        application.MapGet("/", () => Results.Content(page.Html, "text/html; charset=utf-8"));
        application.MapGet("/search", (string? text) => Found(desk.ByText(text ?? "")));
        application.MapPost("/search", async (HttpRequest request) =>
        {
            // A form or script of another site cannot send this type without asking first, which is not answered.
            if (request.ContentType != UploadType)
                return Refuse(StatusCodes.Status415UnsupportedMediaType, $"send the picture's file as {UploadType}");
            return await Content(request, settings.LargestUpload) is { } content ? Found(desk.ByPicture(content)) : TooLarge(settings);
        });
        application.MapGet("/pictures/{index:int}", (int index) => desk.Png(index) is { } png
            ? Results.Bytes(png, "image/png")
            : Refuse(StatusCodes.Status404NotFound, $"there is no picture {index}, only 0 to {desk.Pictures - 1}"));
    }

    /// <summary>Null where it is larger than that.</summary>
    private static async Task<byte[]?> Content(HttpRequest request, long most)
    {
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        var length = 0L;
        while (await request.Body.ReadAsync(buffer, request.HttpContext.RequestAborted) is > 0 and var read)
        {
            length += read;
            if (length <= most)
                content.Write(buffer, 0, read);
        }

        return length <= most ? content.ToArray() : null;
    }

    private static IResult TooLarge(ServeSettings settings)
        => Refuse(StatusCodes.Status413PayloadTooLarge, $"the picture is larger than {settings.LargestUpload / 1_000_000} MB (--max-upload)");

    private static IResult Found(Answer answer) => Results.Json(answer, SampleJson.Summary);

    private static IResult Refuse(int status, string why) => Results.Json(new { Error = why }, SampleJson.Summary, statusCode: status);

    /// <summary>Whoever started the server listens to signals, and stops it.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
