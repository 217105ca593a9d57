using Contrastive.Samples.ImageSearch.Models;
using Contrastive.Samples.ImageSearch.Querying;

namespace Contrastive.Samples.ImageSearch.Serving;

/// <summary>Answers queries with a saved model on a web page, until it is asked to stop.</summary>
internal static class ServeProgram
{
    public static void Run(ServeSettings settings, SampleConsole console)
    {
        var device = Devices.Of(settings.Gallery.Device);
        using var model = SavedModel.Load(settings.Gallery.Model, device);
        var pictures = Gallery.Read(settings.Gallery, model.Description, console);
        using var search = new Search(model, pictures, settings.Gallery.ExactUpTo, device, console);
        // Here and not on the pool's threads, which change with every await: what holds the model is used and let go by this thread.
        Serve(settings, new SearchDesk(model.Towers, pictures, search, settings.Gallery.Top, device), console).GetAwaiter().GetResult();
    }

    private static async Task Serve(ServeSettings settings, SearchDesk desk, SampleConsole console)
    {
        await using var server = await SearchServer.Start(settings, desk, console);
        console.Line($"listening on {server.Address}: {desk.Pictures} pictures and {desk.Captions} captions; Ctrl-C stops");
        var stop = new TaskCompletionSource();
        using var registered = console.Cancellation.Register(stop.SetResult);
        await stop.Task;
        console.Line("stopped");
    }
}
